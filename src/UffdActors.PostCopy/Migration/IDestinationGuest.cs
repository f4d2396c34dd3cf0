namespace UffdActors.PostCopy;

/// <summary>A guest that arrives: its vCPUs and devices, without its memory. Called by one thread at a time.</summary>
public interface IDestinationGuest
{
    /// <summary>
    /// It gives pages back while it runs (a balloon): what it has given back reads as zeros, and is not fetched. Asked after
    /// <see cref="Expect"/>.
    /// </summary>
    bool GivesPagesBack => false;

    /// <summary>vCPUs of this library that it runs on, once it does: their latencies are reported. Null for others.</summary>
    VcpuGroup? Vcpus => null;

    /// <summary>What the source says of its guest; nothing has been made for it yet.</summary>
    /// <param name="description">Its <see cref="ISourceGuest.Description"/>.</param>
    /// <exception cref="MigrationException">It is no guest that can run here; the source is told why, and keeps it.</exception>
    void Expect(ReadOnlyMemory<byte> description)
    {
        if (!description.IsEmpty)
            throw new MigrationException("the source has a guest of another kind than this side waits for");
    }

    /// <summary>
    /// Memory is there, and the guest still runs at the source: slow preparations belong here, to keep the downtime short.
    /// </summary>
    /// <param name="vm">The machine, with all regions mapped and served.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task PrepareAsync(UffdVm vm, CancellationToken cancellationToken);

    /// <summary>
    /// Takes the guest's state. The guest must not run yet; its memory may be touched, and is fetched on touch.
    /// </summary>
    /// <param name="vm">The machine, with all regions mapped and served.</param>
    /// <param name="state">What <see cref="ISourceGuest.StopAsync"/> has returned.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="MigrationException">The state cannot be loaded here: the guest resumes at the source.</exception>
    Task LoadAsync(UffdVm vm, ReadOnlyMemory<byte> state, CancellationToken cancellationToken);

    /// <summary>Starts it.</summary>
    Task StartAsync(CancellationToken cancellationToken);

    /// <summary>Waits for the guest's end.</summary>
    /// <returns>The state in which it has ended.</returns>
    /// <exception cref="MigrationException">
    /// It cannot go on: the message says where it is. Both sides report that, and the migration has ended.
    /// </exception>
    Task<ReadOnlyMemory<byte>> EndAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Stops it for good: its memory is about to go. It is called as <see cref="VmOptions.StopGuest"/> of its machine, with the rules of
    /// that; the vCPUs of this library have been stopped before.
    /// </summary>
    Task AbortAsync(CancellationToken cancellationToken);
}
