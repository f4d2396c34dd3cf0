using UffdActors.Model;

namespace UffdActors.Conformance.Runs;

/// <summary>How recordings are replayed.</summary>
internal sealed record ConformanceOptions
{
    /// <summary>What drives the programs.</summary>
    public ConformanceVia Via { get; init; } = ConformanceVia.Both;

    /// <summary>The profile that is compared with the recorded kernel.</summary>
    public KernelProfile Profile { get; init; } = KernelProfile.Linux618;

    /// <summary>Random orders in which the actors replay everything again; from 0.</summary>
    public int Seeds { get; init; } = 20;

    /// <summary>Checks the invariants of SEMANTICS 9.3 after every step.</summary>
    public bool ChecksInvariants { get; init; } = true;

    /// <summary>Threads that replay side by side; each has an actor system of its own.</summary>
    public int Threads { get; init; } = Math.Min(4, Environment.ProcessorCount);
}
