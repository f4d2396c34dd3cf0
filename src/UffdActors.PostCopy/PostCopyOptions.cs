using UffdActors.Model;

namespace UffdActors.PostCopy;

/// <summary>A migration. Every value has a default but the image.</summary>
public sealed record PostCopyOptions
{
    /// <summary>The guest's memory at the source; stays the caller's.</summary>
    public required GuestImage Image { get; init; }

    /// <summary>vCPUs, 1 to <see cref="GuestLayout.MaxVcpus"/>.</summary>
    public int Vcpus { get; init; } = 4;

    /// <summary>Handlers that share the context.</summary>
    public int Handlers { get; init; } = 1;

    /// <summary>Memory module of the destination; null for anonymous memory.</summary>
    public string? Backend { get; init; }

    /// <summary>How faults are resolved.</summary>
    public PostCopyMode Mode { get; init; } = PostCopyMode.Missing;

    /// <summary>The kernel that the model is; null for the configured one (<c>uffd.kernel.profile</c>).</summary>
    public KernelProfile? Profile { get; init; }

    /// <summary>Pattern of the guest's accesses, unless <see cref="Trace"/> is given.</summary>
    public WorkloadKind Workload { get; init; } = WorkloadKind.Random;

    /// <summary>Accesses of all vCPUs together.</summary>
    public long Accesses { get; init; } = 1_000_000;

    /// <summary>Share of writes, 0 to 1.</summary>
    public double WriteRatio { get; init; } = 0.3;

    /// <summary>Seed of the workload.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>File with a recorded workload; null for a made one.</summary>
    public string? Trace { get; init; }

    /// <summary>
    /// How the background push fetches pages that no fault has demanded. A migration needs every page, so pages that an order leaves out
    /// are fetched after it.
    /// </summary>
    public PrefetchOptions Prefetch { get; init; } = new();

    /// <summary>Record which pages the guest faults on, and in what order (<see cref="PostCopyReport.WorkingSet"/>).</summary>
    public bool RecordWorkingSet { get; init; }

    /// <summary>
    /// Time without any progress after which the migration is given up as hanging, above zero; <see cref="Timeout.InfiniteTimeSpan"/>
    /// for never.
    /// </summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Told of each fault of the guest, hop by hop; see <see cref="VmOptions.FaultObserver"/>. Null for none.</summary>
    public Action<FaultTrace>? FaultObserver { get; init; }

    /// <summary>Leave the background push out: pages that the guest does not touch stay absent.</summary>
    internal bool SkipPush { get; init; }
}
