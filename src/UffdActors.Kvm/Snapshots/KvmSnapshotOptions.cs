namespace UffdActors.Kvm;

/// <summary>How a snapshot is taken.</summary>
public sealed record KvmSnapshotOptions
{
    /// <summary>
    /// The guest goes on while its memory is copied: its vCPUs are paused for the moment of the snapshot only. Needs memory that is
    /// registered for write protection, and <see cref="KvmSnapshotter.BeforeWrite"/> as the hook of
    /// <see cref="ServeOptions.BeforeWrite"/>. False: they are paused until all of it is written.
    /// </summary>
    public bool WhileRunning { get; init; }

    /// <summary>
    /// Asked for the state of the embedder's devices at the moment of the snapshot, while every vCPU is paused; at most 8 MiB. Null for
    /// none.
    /// </summary>
    public Func<ReadOnlyMemory<byte>>? DeviceState { get; init; }
}
