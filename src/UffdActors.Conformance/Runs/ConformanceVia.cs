namespace UffdActors.Conformance.Runs;

/// <summary>What drives the recorded programs.</summary>
internal enum ConformanceVia
{
    /// <summary>The sequential kernel, and the actors.</summary>
    Both,

    /// <summary>The sequential kernel.</summary>
    Kernel,

    /// <summary>The actors: by priority, and in random order.</summary>
    Actors,
}
