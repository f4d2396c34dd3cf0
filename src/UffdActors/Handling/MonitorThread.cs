using Akka.Actor;

namespace UffdActors.Handling;

/// <summary>
/// A thread of the monitor, and the calls that it makes on one userfaultfd: one for each handler and each push, in turns of its actor. It
/// is all that handlers know of a kernel, so the same handlers serve the model and the real one.
/// </summary>
internal abstract class MonitorThread
{
    private LocalTarget _actor = new(ActorRefs.Nobody);

    /// <summary>The actor in whose turns the calls are made, and to which they come back.</summary>
    public IActorRef Actor => _actor.Actor;

    /// <summary>Gives the thread its actor, before the first call.</summary>
    public virtual void Attach(IActorRef actor) => _actor = new LocalTarget(actor);

    /// <summary>Sends its actor a message; at every fault.</summary>
    public void Tell(object message) => _actor.Tell(message);

    /// <summary>The actor has ended: the thread makes no call any more.</summary>
    public virtual void Exit()
    {
    }

    /// <summary>An epoch that never is: a fill that was decided on it gives EAGAIN.</summary>
    public const long Undecidable = -1;

    /// <summary>
    /// Changes with every event, before it can be read. To be looked at before the reader's view, and given to the fill that is decided on
    /// that view (<see cref="IPageFill.DecideOn"/>). <see cref="Undecidable"/> while an event is unread. Always 0 where reading and filling
    /// happen on one thread.
    /// </summary>
    public virtual long ChangeEpoch => 0;

    /// <summary>Makes a fill, to be used again and again.</summary>
    /// <param name="request">
    /// The request that it serves: a fill that succeeds in full ends in a turn of the context, which completes the request, without
    /// another hop. Null for the push, to which every fill comes back.
    /// </param>
    public abstract IPageFill NewFill(PageRequest? request);

    /// <summary>Makes the call that clears the write protection of a request's page, and wakes its threads.</summary>
    public abstract IMonitorCall ClearProtection(PageRequest request);

    /// <summary>Makes the call that maps a page of the alias which <see cref="TryWriteAlias"/> did not find there.</summary>
    public abstract IMonitorCall PopulateAlias(PageRequest request, ulong address);

    /// <summary>Writes one page through the alias. Never raises a userfault.</summary>
    /// <param name="address">Address of the alias's page.</param>
    /// <param name="bytes">Native memory.</param>
    /// <param name="length">Bytes in the page.</param>
    /// <returns>False if the page is not mapped in the alias; then nothing has been written.</returns>
    public abstract bool TryWriteAlias(ulong address, nint bytes, int length);

    /// <summary>
    /// True if the page table has write protection for a page: on the page, or as the mark that it has left; or if it cannot be told. Off
    /// the fault path: of pages that were removed and are mapped again.
    /// </summary>
    public bool HasProtection(ulong address) => EntryOf(address)?.IsProtected != false;

    /// <summary>
    /// True if a page has left the mapping with no mark of protection in its place. The mark outlives the mapping, so what is found so had
    /// been open to writers. Off the fault path: of pages that come back.
    /// </summary>
    public bool HasLeftOpen(ulong address) => EntryOf(address) is (IsMapped: false, IsProtected: false);

    /// <summary>
    /// What the page table has of a page: whether it is mapped, and protected, be it by a mark alone; null if that cannot be told.
    /// </summary>
    public virtual (bool IsMapped, bool IsProtected)? EntryOf(ulong address) => null;

    /// <summary>Wakes the threads that wait in a range. Its end is not waited for.</summary>
    public abstract void Wake(ulong start, ulong length);
}
