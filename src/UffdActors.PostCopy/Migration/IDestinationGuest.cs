namespace UffdActors.PostCopy;

/// <summary>A guest that arrives: its vCPUs and devices, without its memory. Called by one thread at a time.</summary>
public interface IDestinationGuest
{
    /// <summary>
    /// Memory is there, and the guest still runs at the source: slow preparations belong here, to keep the downtime short.
    /// </summary>
    /// <param name="vm">The machine, with all regions mapped and served.</param>
    /// <param name="cancel">Cancels.</param>
    Task PrepareAsync(UffdVm vm, CancellationToken cancel);

    /// <summary>
    /// Takes the guest's state. The guest must not run yet; its memory may be touched, and is fetched on touch.
    /// </summary>
    /// <param name="vm">The machine, with all regions mapped and served.</param>
    /// <param name="state">What <see cref="ISourceGuest.StopAsync"/> has returned.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="MigrationException">The state cannot be loaded here: the guest resumes at the source.</exception>
    Task LoadAsync(UffdVm vm, ReadOnlyMemory<byte> state, CancellationToken cancel);

    /// <summary>Starts it.</summary>
    Task StartAsync(CancellationToken cancel);

    /// <summary>Waits for the guest's end.</summary>
    /// <returns>The state in which it has ended.</returns>
    Task<ReadOnlyMemory<byte>> EndAsync(CancellationToken cancel);
}
