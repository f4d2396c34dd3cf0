using UffdActors.Kvm.Programs;
using UffdActors.PostCopy;

namespace UffdActors.Kvm.Snapshots;

/// <summary>Which snapshot of which guest is taken, and when.</summary>
internal sealed record SnapshotRunOptions
{
    /// <summary>The memory file to be written; its state goes beside it.</summary>
    public required string Path { get; init; }

    /// <summary>The guest.</summary>
    public required GuestPlan Plan { get; init; }

    /// <summary>The pages that it works on, if it is booted; stays the caller's.</summary>
    public GuestImage? Image { get; init; }

    /// <summary>The snapshot that it is restored from instead, and that the new one is a layer over; stays the caller's.</summary>
    public Snapshot? Parent { get; init; }

    /// <summary>Memory module; null for anonymous memory.</summary>
    public string? Backend { get; init; }

    /// <summary>The guest runs on while its memory is copied.</summary>
    public bool IsLive { get; init; }

    /// <summary>Share of its visits after which the snapshot is taken, 0 to 1; where a time is given that counts.</summary>
    public double AfterShare { get; init; } = 0.5;

    /// <summary>Time after which it is taken; null for the share.</summary>
    public TimeSpan? AfterTime { get; init; }

    /// <summary>Rounds after which it is taken, exactly: each vCPU has finished so many; null for the time or the share.</summary>
    public int? AfterRounds { get; init; }

    /// <summary>Handlers that share the userfaultfd.</summary>
    public int Handlers { get; init; } = 1;

    /// <summary>How long the guest may run.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Called with incidents, on the thread that reports.</summary>
    public Action<Incident>? IncidentObserver { get; init; }

    /// <summary>For tests: called with the paused guest, just before its snapshot is taken.</summary>
    public Func<SnapshotGuest, Task>? BeforeTaken { get; init; }

    /// <summary>For tests: the guest stays paused while its pages are protected, so that the moment is exact.</summary>
    public bool PreparesPaused { get; init; }

    /// <summary>For tests: the background copying of a live snapshot begins when this completes; it is given the guest.</summary>
    public Func<SnapshotGuest, Task>? BeforeCopy { get; init; }

    /// <summary>For a test of the verdict, as of <see cref="LiveCopy.ForgetsWrites"/>.</summary>
    public bool ForgetsWrites { get; init; }
}
