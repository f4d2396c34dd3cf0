using System.Runtime.InteropServices;
using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Model.Mapping;

namespace UffdActors.Worlds;

/// <summary>A userfaultfd of a kernel, as the facade needs it.</summary>
internal abstract class KernelUserfault
{
    /// <summary>The reader's side.</summary>
    public abstract IUffdDescriptor Descriptor { get; }

    /// <summary>The context's actor.</summary>
    public abstract IActorRef Actor { get; }

    /// <summary>Whether the memory that it acts on is still there.</summary>
    public abstract OwnerWatch Owner { get; }

    /// <summary>True if another monitor may have read faults of it.</summary>
    public virtual bool IsTakenOver => false;

    /// <summary>Threads that wait in it at some moment of the call, whether or not their faults have been read.</summary>
    public abstract int WaitingThreads { get; }

    /// <summary>Duplicates its descriptor.</summary>
    public virtual SafeHandle OpenDescriptor() =>
        throw new NotSupportedException("The model's userfaultfd is none that another process could read; use the live world.");

    /// <summary>Makes a thread of the monitor.</summary>
    public abstract MonitorThread NewMonitorThread();

    /// <summary>
    /// Makes one for a push whose turns are on another thread than those in which faults are served; null where that cannot be, or is no
    /// use.
    /// </summary>
    public virtual MonitorThread? NewPushThread() => null;

    /// <summary>
    /// Returns once no fill is on its way any more that was decided on an earlier view: at once, where fills are decided and made on one
    /// thread.
    /// </summary>
    public virtual void AwaitFills()
    {
    }

    /// <summary>The reader that serves it from now on; set before the first fault is read.</summary>
    public virtual void Serve(FaultReader reader)
    {
    }

    /// <summary>UFFDIO_REGISTER.</summary>
    public abstract Task<UffdIoctls> RegisterAsync(GuestRegion region, RegisterModes modes, CancellationToken cancel);

    /// <summary>
    /// UFFDIO_UNREGISTER of pages of a region; where that wakes no thread, UFFDIO_WAKE of them follows (SEMANTICS 3.4.3).
    /// </summary>
    public abstract Task<IoctlResult> UnregisterAsync(GuestRegion region, PageRange pages, RegisterModes modes, CancellationToken cancel);

    /// <summary>UFFDIO_WRITEPROTECT. Never between the embedder's hook for a write and the clearing that follows it.</summary>
    public abstract Task<IoctlResult> WriteProtectAsync(
        GuestRegion region, PageRange pages, WriteProtectModes modes, CancellationToken cancel);

    /// <summary>
    /// UFFDIO_WRITEPROTECT of several ranges, one after another, until one fails. Faults are served in between. Each as of
    /// <see cref="WriteProtectAsync(GuestRegion, PageRange, WriteProtectModes, CancellationToken)"/>.
    /// </summary>
    /// <returns>Ranges that are done, and the last answer.</returns>
    public abstract Task<(int Done, IoctlResult Last)> WriteProtectAsync(
        GuestRegion region, IReadOnlyList<PageRange> ranges, WriteProtectModes modes, CancellationToken cancel);

    /// <summary>PAGEMAP_SCAN: what was written since it was protected, as pages of the region; protected again.</summary>
    /// <param name="region">The region.</param>
    /// <param name="pages">Pages of it that lie in one piece.</param>
    /// <param name="address">Where they are now.</param>
    /// <param name="cancel">Cancels it, if it has not begun.</param>
    /// <exception cref="UffdException">The kernel refuses.</exception>
    public abstract Task<IReadOnlyList<PageRange>> TakeWrittenAsync(
        GuestRegion region, PageRange pages, ulong address, CancellationToken cancel);

    /// <summary>
    /// Pages that are there and not write-protected, as pages of the region, ascending; nothing is changed. Of shared memory also those
    /// that have left the mapping with no mark of protection in their place: they were open to writers.
    /// </summary>
    /// <param name="region">The region.</param>
    /// <param name="pages">Pages of it that lie in one piece.</param>
    /// <param name="address">Where they are now.</param>
    /// <param name="cancel">Cancels it.</param>
    /// <exception cref="UffdException">The kernel refuses.</exception>
    public abstract Task<IReadOnlyList<PageRange>> FindWrittenAsync(
        GuestRegion region, PageRange pages, ulong address, CancellationToken cancel);

    /// <summary>UFFDIO_MOVE.</summary>
    public abstract Task<IoctlResult> MoveAsync(
        GuestRegion destination, PageRange pages, ulong source, MoveModes modes, CancellationToken cancel);

    /// <summary>UFFDIO_POISON.</summary>
    public abstract Task<IoctlResult> PoisonAsync(GuestRegion region, PageRange pages, CancellationToken cancel);

    /// <summary>Forked children that were not taken yet.</summary>
    public virtual IReadOnlyList<AdoptedUserfault> TakeChildren() => [];

    /// <summary>
    /// True if pages of a region are taken away by the embedder's own call without an event, though events of it have been asked for.
    /// </summary>
    public virtual bool LacksRemoveEvents(GuestRegion region) => false;

    /// <summary>
    /// Tells what is absent, whenever its actor ends: the kernel asks before it closes. Nothing to do where no thread runs on without its
    /// actor.
    /// </summary>
    public virtual void Ask(Func<Absence> absence)
    {
    }

    /// <summary>
    /// True if it would be closed for this reason now, and not left open for a guest that may still run. False as long as that is not
    /// known.
    /// </summary>
    public virtual bool WillClose(ClosingReason reason) => true;

    /// <summary>Says why it is closed, before it is.</summary>
    public virtual void Closes(ClosingReason reason)
    {
    }

    /// <summary>
    /// close(2): waiting threads go on, with pages of zeros where pages are absent; or leaves it open, where that must not be.
    /// </summary>
    public abstract Task CloseAsync(CancellationToken cancel);
}
