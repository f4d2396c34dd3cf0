namespace UffdActors.Recorder.Comparison;

/// <summary>Result of a comparison of generated programs.</summary>
internal sealed record ComparisonReport
{
    /// <summary>Release of the kernel.</summary>
    public required string Kernel { get; init; }

    /// <summary>The model.</summary>
    public required string Profile { get; init; }

    /// <summary>Window of fault-around that the model was given.</summary>
    public required long FaultAroundBytes { get; init; }

    /// <summary>True if programs with huge pages were among them.</summary>
    public required bool HugePages { get; init; }

    /// <summary>First seed.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Programs executed, those of the shrinking included.</summary>
    public required long Programs { get; init; }

    /// <summary>Steps executed.</summary>
    public required long Steps { get; init; }

    /// <summary>Fields compared.</summary>
    public required long Fields { get; init; }

    /// <summary>Time that it took.</summary>
    public required double Seconds { get; init; }

    /// <summary>The difference that ended the run; null if there was none.</summary>
    public required FoundDifference? Found { get; init; }
}
