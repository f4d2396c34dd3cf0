namespace UffdActors;

/// <summary>
/// The events of an adopted userfaultfd, kept beyond the end of this process. The kernel delivers an event once: a process that serves the
/// guest after a crash does not get the removals that were read before, and would fill those pages with old content. With a journal
/// (<see cref="AdoptedUserfault.Journal"/>) messages are read into the journal itself, so none is lost however this process ends, and what
/// the journal has from an earlier process comes before the first message of the kernel.
/// </summary>
/// <remarks>Belongs to who has made it, and has to outlive the VM. One userfaultfd at a time; one process at a time.</remarks>
public abstract class EventJournal : IDisposable
{
    private protected EventJournal()
    {
    }

    /// <summary>Where a read puts its messages; they are there from the moment at which the kernel counts them as read.</summary>
    internal abstract nint Messages { get; }

    /// <summary>Messages that fit.</summary>
    internal abstract int Capacity { get; }

    /// <summary>The next range that was removed, by the journal as it was found; each comes once.</summary>
    /// <param name="start">First address.</param>
    /// <param name="end">First address behind it.</param>
    /// <returns>False if there is none any more.</returns>
    internal abstract bool TryNextFound(out ulong start, out ulong end);

    /// <summary>The next read begins: what the latest one has brought has been noted, and need not be kept as messages.</summary>
    internal abstract void BeginRead();

    /// <summary>A read has ended: notes its events.</summary>
    /// <param name="count">Messages that it has brought.</param>
    internal abstract void EndRead(int count);

    /// <inheritdoc />
    public abstract void Dispose();
}
