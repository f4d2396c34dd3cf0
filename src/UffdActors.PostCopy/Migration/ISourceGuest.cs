namespace UffdActors.PostCopy;

/// <summary>The guest of a migration's source: its vCPUs and devices, without its memory. Called by one thread at a time.</summary>
public interface ISourceGuest
{
    /// <summary>
    /// What the destination's guest must know before memory is made, at most 4 KiB (<see cref="IDestinationGuest.Expect"/>); empty for
    /// nothing. The same for the whole migration.
    /// </summary>
    ReadOnlyMemory<byte> Description => default;

    /// <summary>Stops the guest. Nothing of it writes to its memory from then on.</summary>
    /// <returns>Everything that is needed to resume elsewhere but the memory, at most 16 MiB.</returns>
    /// <exception cref="MigrationException">
    /// It has failed before, or does not stop: the message says where. The migration ends, and the guest stays as it is.
    /// </exception>
    Task<ReadOnlyMemory<byte>> StopAsync(CancellationToken cancellationToken);

    /// <summary>Resumes a stopped guest here: the other side has not run it, and will not.</summary>
    Task ResumeAsync(CancellationToken cancellationToken);

    /// <summary>What the guest's memory must be at its end, computed without the other side.</summary>
    /// <param name="endState">The state in which the guest has ended there.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>SHA-256 over all regions, in order.</returns>
    /// <exception cref="MigrationException">The guest has ended there in another state than it must; both sides report why.</exception>
    Task<byte[]> HashAtEndAsync(ReadOnlyMemory<byte> endState, CancellationToken cancellationToken);
}
