using UffdActors.Kvm.Programs;

namespace UffdActors.Kvm.Snapshots;

/// <summary>A guest whose snapshot is taken, or that is restored from one.</summary>
internal sealed record SnapshotGuestOptions
{
    /// <summary>What it runs.</summary>
    public required GuestPlan Plan { get; init; }

    /// <summary>Where its pages come from; stays the caller's.</summary>
    public required IPageSource Source { get; init; }

    /// <summary>The same content, for what is never asked for.</summary>
    public required KvmPageContent Content { get; init; }

    /// <summary>The state that it begins with; null to boot.</summary>
    public SnapshotDocument? Snapshot { get; init; }

    /// <summary>Memory module; null for anonymous memory.</summary>
    public string? Backend { get; init; }

    /// <summary>Memory that is adopted, and has a page cache that fills by itself (MINOR); null to map some.</summary>
    public AdoptedMemory? Adopt { get; init; }

    /// <summary>How its writes are known.</summary>
    public WriteTracking Tracking { get; init; }

    /// <summary>Rounds after which each vCPU is paused; null for none.</summary>
    public int? BrakeAfter { get; init; }

    /// <summary>Handlers that share the userfaultfd.</summary>
    public int Handlers { get; init; } = 1;

    /// <summary>Called with incidents, on the thread that reports.</summary>
    public Action<Incident>? IncidentObserver { get; init; }

    /// <summary>As of <see cref="LiveCopy.ForgetsWrites"/>.</summary>
    public bool ForgetsWrites { get; init; }
}
