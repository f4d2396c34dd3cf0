namespace UffdActors.Explore.Faults;

/// <summary>What a fault point came to.</summary>
internal enum FaultOutcome
{
    /// <summary>Passed, and the fault was not wanted.</summary>
    Passed,

    /// <summary>The fault happened.</summary>
    Happened,
}
