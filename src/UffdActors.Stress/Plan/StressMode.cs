namespace UffdActors.Stress.Plan;

/// <summary>How faults are resolved.</summary>
internal enum StressMode
{
    /// <summary>MISSING with COPY and ZEROPAGE.</summary>
    Missing,

    /// <summary>MINOR with CONTINUE, content through an alias.</summary>
    Minor,
}
