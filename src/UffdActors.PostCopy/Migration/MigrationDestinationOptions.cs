using UffdActors.Model;

namespace UffdActors.PostCopy;

/// <summary>How a guest arrives.</summary>
public sealed record MigrationDestinationOptions
{
    /// <summary>Where to listen.</summary>
    public required MigrationAddress Address { get; init; }

    /// <summary>TLS; null for none.</summary>
    public MigrationTls? Tls { get; init; }

    /// <summary>Memory module; null for anonymous memory.</summary>
    public string? Backend { get; init; }

    /// <summary>How faults are resolved.</summary>
    public PostCopyMode Mode { get; init; } = PostCopyMode.Missing;

    /// <summary>The kernel that the model is; null for the configured one.</summary>
    public KernelProfile? Profile { get; init; }

    /// <summary>Handlers that share the userfaultfd, 1 to <see cref="PostCopyMigration.MaxHandlers"/>.</summary>
    public int Handlers { get; init; } = 1;

    /// <summary>Order, window and rate of the background lanes; an order object serves one region.</summary>
    public Func<PrefetchOptions> Prefetch { get; init; } = () => new PrefetchOptions();

    /// <summary>Time without a sign of life of the source after which the link counts as lost.</summary>
    public TimeSpan PeerTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Where its threads run; null for anywhere.</summary>
    public MigrationPlacement? Placement { get; init; }

    /// <summary>Record which pages the guest faults on, and in what order.</summary>
    public bool RecordWorkingSet { get; init; }

    /// <summary>Called with a sentence for each step; from any thread, must not block. Null for none.</summary>
    public Action<string>? Tell { get; init; }

    /// <summary>Called with incidents of the VM; from any thread, must not block. Null for none.</summary>
    public Action<Incident>? IncidentObserver { get; init; }

    /// <summary>
    /// Told of each stamped fault of vCPUs of this library; see <see cref="VmOptions.FaultObserver"/>. Null for none.
    /// </summary>
    public Action<FaultTrace>? FaultObserver { get; init; }

    /// <summary>
    /// Told of waits of other threads, such as KVM's vCPUs; see <see cref="ServeOptions.ThreadFaultObserver"/>. Null for none.
    /// </summary>
    public Action<int, FaultTrace>? ThreadFaultObserver { get; init; }
}
