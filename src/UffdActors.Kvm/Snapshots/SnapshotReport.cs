using UffdActors.Kvm.Runs;

namespace UffdActors.Kvm.Snapshots;

/// <summary>A run in which a snapshot was taken.</summary>
internal sealed record SnapshotReport
{
    /// <summary>What differs from the guest without interruption, a sentence each; none if it is verified.</summary>
    public required IReadOnlyList<string> Differences { get; init; }

    /// <summary>The guest's own end; null if it has none.</summary>
    public GuestResult? Result { get; init; }

    /// <summary>State of the snapshot that was written; null if there is none.</summary>
    public SnapshotDocument? Document { get; init; }

    /// <summary>How long its vCPUs were paused for it.</summary>
    public TimeSpan Paused { get; init; }

    /// <summary>The longest call that protected pages while it ran, as its caller saw it. Zero if it was stopped.</summary>
    public TimeSpan LongestProtect { get; init; }

    /// <summary>Rounds of protection before the pause.</summary>
    public int Rounds { get; init; }

    /// <summary>The longest that a write was held up until its page was copied out.</summary>
    public TimeSpan LongestHeld { get; init; }

    /// <summary>Pages that were copied out in the pause.</summary>
    public long CopiedPaused { get; init; }

    /// <summary>Pages that were copied out because the guest was about to change them.</summary>
    public long KeptBefore { get; init; }

    /// <summary>From the moment of the snapshot until its files were complete.</summary>
    public TimeSpan Copied { get; init; }

    /// <summary>Files below it.</summary>
    public int Parents { get; init; }
}
