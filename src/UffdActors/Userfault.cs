using System.Runtime.InteropServices;
using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Calls;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Prefetch;
using UffdActors.Statistics;
using UffdActors.Worlds;

namespace UffdActors;

/// <summary>
/// A userfaultfd, and what serves it: registered regions, handlers, background push. Safe for any thread, as <see cref="UffdVm"/> is.
/// </summary>
public sealed class Userfault : IAsyncDisposable
{
    private readonly UffdVm _vm;
    private readonly KernelUserfault _kernel;
    private readonly RegisteredRegions _registered = new();
    private readonly SlicedCalls _calls;
    private readonly UserfaultService _service;
    private readonly UserfaultRanges _ranges;
    private readonly List<(BackgroundPush Push, int PageBytes)> _pushed = [];
    // Registering, unregistering, serving and closing.
    private readonly CallTurns _turns;

    internal Userfault(UffdVm vm, KernelUserfault kernel)
    {
        _vm = vm;
        _kernel = kernel;
        _turns = new CallTurns(vm.Root);
        _calls = new SlicedCalls(vm.Root, kernel);
        _service = new UserfaultService(vm.Root, vm.Kernel, vm.Guest, kernel, _registered, _calls);
        _ranges = new UserfaultRanges(vm.Root, vm.Kernel, kernel, _registered, _calls, _service);
    }

    /// <summary>Faults that have been read so far, without <see cref="Repeats"/>.</summary>
    public long Faults => Reader?.Counters.Faults ?? 0;

    /// <summary>
    /// Messages of threads about pages that they waited for already: a signal ends the wait in the kernel, and the thread faults again.
    /// Known by the thread's id, which the model tells only with <see cref="UffdFeatures.ThreadId"/>.
    /// </summary>
    public long Repeats => Reader?.Counters.Repeated ?? 0;

    /// <summary>Pages that are being resolved now.</summary>
    public int Outstanding => Reader?.Outstanding ?? 0;

    /// <summary>What has come by since it has been served; all zero before.</summary>
    public FaultCounts Counts() => (Reader?.Counters ?? new FaultCounters()).Snapshot();

    /// <summary>
    /// The pages that are being resolved at some moment of the call, in no order; behind them those that are held back because handlers
    /// crash on them.
    /// </summary>
    public IReadOnlyList<OutstandingPage> OutstandingPages() => Reader is not { } reader ? [] :
    [
        .. reader.OutstandingRequests().Select(
            r => new OutstandingPage(
                r.Region.Id, r.Page, r.Address, r.Phase.ToString(), r.Attempts, r.Phase == RequestPhase.Paused)),
        .. reader.HeldPages().Select(w => new OutstandingPage(w.Region, w.Page, w.Address, "Held", Attempts: 0, IsPaused: true)),
    ];

    /// <summary>
    /// A descriptor of the userfaultfd, to be handed over to the process that serves it instead of this one (<c>uffd serve</c>, for one): a
    /// duplicate, which belongs to the caller. Live world only.
    /// </summary>
    /// <remarks>
    /// Regions are registered first, and <see cref="ServeAsync"/> is not called: of two who read it each gets a part of the faults. As long
    /// as this object is open the userfaultfd outlives the other process, and the guest stays asleep; to end it then, the loss of what is
    /// absent is taken (<see cref="AbandonAsync(CancellationToken)"/>), for nothing is known here of what was filled there.
    /// </remarks>
    /// <returns>Close-on-exec; to be disposed of.</returns>
    /// <exception cref="NotSupportedException">The model's userfaultfd has no descriptor.</exception>
    /// <exception cref="UffdException">EMFILE: the process has too many descriptors.</exception>
    public SafeHandle OpenDescriptor()
    {
        _service.ThrowIfClosed();
        return _kernel.OpenDescriptor();
    }

    /// <summary>The pushes that were begun, with the size of a page of their regions.</summary>
    internal IReadOnlyList<(BackgroundPush Push, int PageBytes)> Pushed()
    {
        lock (_pushed) return [.. _pushed];
    }

    internal FaultReader? Reader => _service.Reader;

    internal KernelUserfault Kernel => _kernel;

    internal SlicedCalls Calls => _calls;

    /// <summary>
    /// Registers a region, before serving or while others are served: then it is served from here on, by the same options. Registering,
    /// unregistering, serving and closing have their turns in the order in which they were begun.
    /// </summary>
    /// <returns>The ioctls that the kernel reports; not all of them need work (SEMANTICS 3.2.5).</returns>
    /// <exception cref="UffdException">
    /// EINVAL: the memory does not support the modes, or they are none, or nothing is mapped there; EBUSY: it belongs to another
    /// userfaultfd; EPERM: it can never be written to. Live, memory that this kernel registers in no such mode (guest_memfd) is an
    /// <c>UnsupportedMachineException</c>, with EINVAL.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// The region has been unmapped, and with it every call ends so; it is registered here already; or the userfaultfd is being served, and
    /// <see cref="ServeAsync"/> would have refused the region.
    /// </exception>
    /// <exception cref="ArgumentException">It is a region of another VM, and with it every call ends so.</exception>
    /// <exception cref="ObjectDisposedException">
    /// The userfaultfd has been closed, by <see cref="CloseAsync"/>, by abandoning it, or with its VM; every call ends so then.
    /// </exception>
    public Task<UffdIoctls> RegisterAsync(GuestRegion region, RegisterModes modes, CancellationToken cancellationToken = default)
    {
        ThrowIfUnusable(region);
        return _turns.InTurnAsync("register", () => _ranges.RegisterAsync(region, modes, cancellationToken), cancellationToken);
    }

    /// <summary>
    /// Unregisters a region. Where MISSING is registered waiting threads go on into pages of zeros, so it is refused while pages of a
    /// served region are absent; elsewhere the kernel wakes no thread by itself, so a WAKE of what was unregistered follows (SEMANTICS
    /// 3.4.3).
    /// </summary>
    /// <remarks>
    /// With write protection every page has to be looked at, so it goes in slices as <see cref="ProtectAsync"/> does. A region of which
    /// only a part was unregistered still counts as registered: that part has no faults any more, the rest has, and calling again finishes
    /// it. What is mapped at the region's own addresses is unregistered; a part that the guest has moved (mremap) is not.
    /// </remarks>
    /// <param name="region">The region.</param>
    /// <param name="cancellationToken">
    /// Cancels the call if it has not been issued yet, and between two slices (<see cref="CallCancelledException"/>).
    /// </param>
    /// <exception cref="InvalidOperationException">Pages are absent; or nothing is served, and threads wait.</exception>
    /// <exception cref="UffdException">
    /// The kernel refuses; the message says how much was unregistered. ESRCH: the process whose memory it is has ended.
    /// </exception>
    public Task UnregisterAsync(GuestRegion region, CancellationToken cancellationToken = default)
    {
        _ = Find(region);
        return UnregisterAsync(region, 0, region.Pages, cancellationToken);
    }

    /// <summary>
    /// Unregisters a part of a region, by the rules of <see cref="UnregisterAsync(GuestRegion, CancellationToken)"/>: refused while pages
    /// of that part are absent. Its pages raise no fault any more and keep their content, without protection; what was noted of them stays
    /// as it is, and they count neither as absent nor for a push. Pages that are unregistered already are skipped (SEMANTICS 3.4.2). The
    /// region can be registered again when all of it is unregistered.
    /// </summary>
    /// <param name="region">A region that is registered here.</param>
    /// <param name="firstPage">First page of the region.</param>
    /// <param name="pages">Base pages; of huge pages whole ones.</param>
    /// <param name="cancellationToken">
    /// Cancels the call if it has not been issued yet, and between two slices (<see cref="CallCancelledException"/>).
    /// </param>
    /// <exception cref="ArgumentException">The pages are not in the region, or are parts of huge pages.</exception>
    /// <exception cref="InvalidOperationException">Pages are absent.</exception>
    /// <exception cref="UffdException">
    /// The kernel refuses; the message says how much was unregistered. EINVAL: nothing is mapped there any more; ENOMEM: too many mappings;
    /// ESRCH: the process whose memory it is has ended.
    /// </exception>
    public async Task UnregisterAsync(GuestRegion region, long firstPage, long pages, CancellationToken cancellationToken = default)
    {
        _ = Find(region);
        // The kernel would find a huge page that is cut when it has changed others before it (SEMANTICS 3.4.4).
        PageRange range = region.WholeRange(firstPage, pages);
        await _turns.InTurnAsync("unregister", () => _ranges.UnregisterAsync(region, range, cancellationToken), cancellationToken);
    }

    /// <summary>
    /// Write-protects pages (UFFDIO_WRITEPROTECT, SEMANTICS 5.7). From then on a write waits until a handler has cleared the page
    /// (<see cref="ServeOptions.BeforeWrite"/>), or, on a userfaultfd opened with WP_ASYNC, clears it by itself and is found by
    /// <see cref="TakeWrittenAsync"/>. Absent pages of anonymous memory are marked only with WP_UNPOPULATED or WP_ASYNC, others always; but
    /// whatever is filled in a region that is registered for write protection comes protected, asked for or not, until
    /// <see cref="UnprotectAsync"/> ends it.
    /// </summary>
    /// <remarks>
    /// <para>
    /// Calls over ranges (protect, unprotect, move, poison, take, states, unregister) go in slices of 16 MiB, and faults are served between
    /// two of them. Calls on one userfaultfd follow each other in the order in which they were begun: what two leave of one range is what
    /// the later leaves.
    /// </para>
    /// <para>
    /// A range is not protected at one moment: while the guest runs, it writes to pages at its end after those at its start are protected.
    /// That is so with a single ioctl too.
    /// </para>
    /// </remarks>
    /// <param name="region">A region that is registered for write protection.</param>
    /// <param name="firstPage">First page of the region.</param>
    /// <param name="pages">Base pages; on huge pages a multiple of their size.</param>
    /// <param name="cancellationToken">
    /// Cancels the call if it has not been issued yet, and between two slices (<see cref="CallCancelledException"/>).
    /// </param>
    /// <returns>
    /// A call that is done, or that fails at its start, reports no progress; one that fails behind its first slice, the bytes of the slices
    /// that are done. EAGAIN: an event is unread, and nothing was done, or what the progress says; go on behind it. Served, only the start
    /// can meet that: later slices wait until the event has been read. ENOENT: a part is not registered for write protection, and what lies
    /// before it is protected; EINVAL: huge pages, and the range ends inside one.
    /// </returns>
    /// <exception cref="UffdException">
    /// ESRCH: the process whose memory it is has ended, or executes another program. EPERM, EACCES, ENOSYS: the call is denied here.
    /// </exception>
    public Task<IoctlResult> ProtectAsync(GuestRegion region, long firstPage, long pages, CancellationToken cancellationToken = default) =>
        WriteProtectAsync(region, firstPage, pages, WriteProtectModes.Protect, cancellationToken);

    /// <summary>
    /// Write-protects several ranges, one after another, without a way back to the caller between two: so a page that is protected costs a
    /// call of the kernel and no more. For what was written since: protected one by one with <see cref="ProtectAsync"/>, a guest that
    /// writes all over its memory opens pages as fast. A fault waits for no more than 32 calls, or 16 MiB.
    /// </summary>
    /// <param name="region">A region that is registered for write protection.</param>
    /// <param name="ranges">Base pages of the region, in any order; on huge pages multiples of their size. They are not copied.</param>
    /// <param name="cancellationToken">
    /// Cancels the call if it has not been issued yet, and after every 512 ranges (<see cref="CallCancelledException"/>).
    /// </param>
    /// <returns>
    /// As of <see cref="ProtectAsync"/>. The progress of one that fails is the bytes of the ranges, in their order, that are done.
    /// </returns>
    /// <exception cref="UffdException">
    /// ESRCH: the process whose memory it is has ended, or executes another program. EPERM, EACCES, ENOSYS: the call is denied here.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A range is empty, or not in the region.</exception>
    public async Task<IoctlResult> ProtectEachAsync(
        GuestRegion region, IReadOnlyList<PageRange> ranges, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        RegisteredRegion registered = Find(region);
        foreach (PageRange range in ranges) _ = region.Range(range.Start, range.Count);
        return await _ranges.ProtectEachAsync(registered, ranges, cancellationToken);
    }

    /// <summary>
    /// Ends write protection of pages, and wakes every thread that waits in them. Errors as of <see cref="ProtectAsync"/>.
    /// </summary>
    public Task<IoctlResult> UnprotectAsync(
        GuestRegion region, long firstPage, long pages, CancellationToken cancellationToken = default) =>
        WriteProtectAsync(region, firstPage, pages, WriteProtectModes.Clear, cancellationToken);

    /// <summary>
    /// Takes the pages that were written since they were protected, and protects them again, page by page in one step: no write is lost
    /// between the two (PAGEMAP_SCAN). For a userfaultfd opened with WP_ASYNC, and a region that is registered for write protection, alone
    /// or with MISSING or MINOR. An absent page that was not protected counts as written, so protect the region first. Read the content
    /// after this has returned.
    /// </summary>
    /// <remarks>
    /// Pages that have lost their content without a write count as written too: those that <see cref="UffdVm.AdviseAsync"/> has taken away
    /// (REMOVE; of private memory DONTNEED and FREE; not DONTNEED of shared memory, which keeps its content), and those of REMOVE events,
    /// if the userfaultfd is served and has asked for them. An event says neither which call it was nor when the pages go: so each page of
    /// it is looked at, by this call and, if it is still there, by the next. Of shared memory one that has its content is not among the
    /// pages, for it has only left the mapping (DONTNEED); private memory that is still there comes with both calls. A hole that is punched
    /// from outside through a descriptor is not seen.
    /// </remarks>
    /// <param name="region">The region.</param>
    /// <param name="firstPage">First page of the region.</param>
    /// <param name="pages">Base pages; of huge pages whole ones, for a part cannot be protected again.</param>
    /// <param name="cancellationToken">
    /// Cancels the call if it has not been issued yet; afterwards it goes on to its end, for what it has taken is found nowhere else.
    /// </param>
    /// <returns>Ranges of pages of the region, ascending.</returns>
    /// <exception cref="ArgumentException">The pages are not in the region, or are parts of huge pages.</exception>
    /// <exception cref="UffdException">EPERM: the region is not registered so. ESRCH: the process whose memory it is has ended.</exception>
    /// <exception cref="InvalidOperationException">
    /// The memory is another process's, which was not named when it was adopted (<see cref="AdoptedMemory.ProcessId"/>).
    /// </exception>
    public async Task<IReadOnlyList<PageRange>> TakeWrittenAsync(
        GuestRegion region, long firstPage, long pages, CancellationToken cancellationToken = default)
    {
        RegisteredRegion registered = Find(region);
        return await _ranges.TakeWrittenAsync(registered, region.WholeRange(firstPage, pages), cancellationToken);
    }

    /// <summary>
    /// What is known of pages, wherever the guest has moved them: never there, from the source, zero, removed, written. Every event that
    /// there is has been read first, so what the guest gave back before the call is told as such; and it stays so when the page is touched
    /// later, until it is written. For a picture of one moment stop the guest first.
    /// </summary>
    /// <remarks>
    /// <para>
    /// It goes in slices as <see cref="ProtectAsync"/> does, and in turn with those calls. Each slice is told as it is at a moment of its
    /// own, at which all events have been read: so of what the guest does during the call, the slices behind that moment have it and those
    /// before it have not, and of two changes the later alone may be told.
    /// </para>
    /// <para>
    /// Removal is known of a userfaultfd that is served and was opened with EVENT_REMOVE. Writes are known of regions that are registered
    /// for write protection: since the page was filled, or since <see cref="UnprotectAsync"/> has opened it, whether written or not.
    /// </para>
    /// <para>
    /// An event of removal does not say what the guest has done (DONTNEED, which leaves shared memory its content, or REMOVE), nor what it
    /// does with the page later. So each page that was removed is looked at, without a fault: one that is not zeros has been written,
    /// protected or not. Where MINOR is registered without MISSING, or write protection alone, the kernel fills such a page in silence, and
    /// unprotected: there a removed page that holds nothing but zeros is told as removed, also if it was zeros that were written. A page of
    /// shared memory that has kept its content is told as what it was; as written, if writes are watched and its protection was gone.
    /// </para>
    /// <para>
    /// Not told apart: where MINOR is registered alone, what was written into a hole, has then left the mapping (DONTNEED), and is
    /// not protected, from what the source has; and what is written through another mapping. Memory that cannot be read from here
    /// (another process's that was not named) is told as the events say.
    /// </para>
    /// </remarks>
    /// <param name="region">A region that is registered here.</param>
    /// <param name="firstPage">First page of the region.</param>
    /// <param name="pages">Base pages.</param>
    /// <param name="cancellationToken">Cancels the wait, and the call between two slices.</param>
    /// <returns>Runs of pages in one state, ascending, without gaps; two that touch are in different states.</returns>
    /// <exception cref="UffdException">The page table cannot be scanned (PAGEMAP_SCAN).</exception>
    public async Task<IReadOnlyList<PageStateRange>> PageStatesAsync(
        GuestRegion region, long firstPage, long pages, CancellationToken cancellationToken = default)
    {
        RegisteredRegion registered = Find(region);
        return await _ranges.StatesAsync(registered, region.Range(firstPage, pages), cancellationToken);
    }

    /// <summary>
    /// What the runtime has noted of a page: the state that <see cref="PageStatesAsync"/> begins with, without asking the kernel, so it is
    /// for looking on. Events that are unread, and writes that only the page table knows of, are not in it.
    /// </summary>
    /// <param name="region">A region that is registered here, or was until it was unmapped.</param>
    /// <param name="page">Base page of the region.</param>
    /// <exception cref="ArgumentException">The region is not registered here.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The page is not in it.</exception>
    public PageState NotedStateOf(GuestRegion region, long page)
    {
        ArgumentNullException.ThrowIfNull(region);
        region.ThrowIfForeign(_vm.Root);
        _ = region.Range(page, 1);
        return _registered.Find(region).Pages.StateOf(page);
    }

    /// <summary>
    /// Moves pages of private anonymous memory from one place of the VM to another without copying, and wakes the threads that wait for
    /// them (UFFDIO_MOVE, SEMANTICS 5.8). The source is a hole afterwards. Protection of a page is not carried over.
    /// </summary>
    /// <param name="destination">A region that is registered here.</param>
    /// <param name="destinationPage">First page of it.</param>
    /// <param name="source">A region that is not served: what is moved out of a served one would be fetched from its source again.</param>
    /// <param name="sourcePage">First page of it.</param>
    /// <param name="pages">Base pages.</param>
    /// <param name="modes">Whether to wake; whether a hole in the source counts as moved.</param>
    /// <param name="cancellationToken">
    /// Cancels the call if it has not been issued yet, and between two slices (<see cref="CallCancelledException"/>).
    /// </param>
    /// <returns>
    /// Errno and signed progress in bytes. EAGAIN with progress: what follows met a hole or a conflict, and a call that starts there says
    /// which; EAGAIN without: an event is unread. EEXIST: the destination is not empty; ENOENT: the source is a hole; EBUSY: the source is
    /// shared with a child; EFAULT: it is poisoned; EINVAL: other memory than private anonymous, or mappings of different protection. Goes
    /// in slices (<see cref="ProtectAsync"/>), so a range that is in order for some of them only is moved as far.
    /// </returns>
    /// <exception cref="InvalidOperationException">The source is being served.</exception>
    /// <exception cref="UffdException">
    /// ESRCH: the process whose memory it is has ended, or executes another program. EPERM, EACCES, ENOSYS: the call is denied here.
    /// </exception>
    public async Task<IoctlResult> MoveAsync(
        GuestRegion destination,
        long destinationPage,
        GuestRegion source,
        long sourcePage,
        long pages,
        MoveModes modes = MoveModes.None,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        RegisteredRegion registered = Find(destination);
        PageRange to = destination.Range(destinationPage, pages);
        _vm.ThrowIfUnusable(source);
        PageRange from = source.Range(sourcePage, pages);
        if (_vm.IsServed(source))
            throw new InvalidOperationException(
                $"Region {source.Id} is being served: pages moved out of it would be fetched again. Move out of a region that "
                    + $"is not served.");
        return await _ranges.MoveAsync(registered, to, source, from, modes, cancellationToken);
    }

    /// <summary>
    /// Poisons pages that are lost for good (UFFDIO_POISON, SEMANTICS 5.6), and wakes the threads that wait for them: user mode gets
    /// SIGBUS, a system call EFAULT. Only absent pages can be. They count as received.
    /// </summary>
    /// <param name="region">A region that is registered here.</param>
    /// <param name="firstPage">First page of the region.</param>
    /// <param name="pages">Base pages.</param>
    /// <param name="cancellationToken">
    /// Cancels the call if it has not been issued yet, and between two slices (<see cref="CallCancelledException"/>).
    /// </param>
    /// <returns>
    /// Errno and signed progress in bytes. EEXIST: the first page is there; EAGAIN with progress: a later one is; EAGAIN without: an event
    /// is unread; EINVAL: this memory takes no poison. Goes in slices (<see cref="ProtectAsync"/>).
    /// </returns>
    /// <exception cref="InvalidOperationException">The VM has vCPUs that a touch would end together with the process.</exception>
    /// <exception cref="UffdException">
    /// ESRCH: the process whose memory it is has ended, or executes another program. EPERM, EACCES, ENOSYS: the call is denied here.
    /// </exception>
    public async Task<IoctlResult> PoisonAsync(
        GuestRegion region, long firstPage, long pages, CancellationToken cancellationToken = default)
    {
        RegisteredRegion registered = Find(region);
        PageRange range = region.Range(firstPage, pages);
        _vm.Guest.AllowPoison();
        return await _ranges.PoisonAsync(registered, range, cancellationToken);
    }

    /// <summary>
    /// Starts to serve the faults of all registered regions: from here on every fault is resolved from the source. Regions that have been
    /// unmapped are left out.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// It is being served already; all its regions have been unmapped; a region is registered for MINOR alone, has no alias, and is not
    /// said to be filled (<see cref="RegionOptions.IsFilled"/>), or for MISSING without MINOR, and has an alias, whose pages are all there;
    /// a region takes no poison, or a vCPU would not survive it; or there is a hook for writes and a region is memory of another process
    /// that cannot be read from here.
    /// </exception>
    public async Task ServeAsync(ServeOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfOutOfRange();
        _service.ThrowIfClosed();
        await _turns.InTurnAsync("serve", () => _service.ServeAsync(options, _vm.SourceMemory, cancellationToken), cancellationToken);
    }

    /// <summary>
    /// Starts the background push of a region: pages that no thread faults on are filled too, demand first, from the first page to the
    /// last.
    /// </summary>
    /// <returns>The push under way.</returns>
    public Task<BackgroundPush> PushAsync(GuestRegion region, IPageSource source, CancellationToken cancellationToken = default) =>
        PushAsync(region, source, new PrefetchOptions(), cancellationToken);

    /// <summary>The same in another order, or at a rate.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public async Task<BackgroundPush> PushAsync(
        GuestRegion region, IPageSource source, PrefetchOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfOutOfRange();
        RegisteredRegion registered = Find(region);
        (PushProgress progress, PushRate rate, IActorRef push) = await UffdActivities.CallAsync(
            "push", _vm.Name, () => _service.PushAsync(registered, source, options, cancellationToken));
        BackgroundPush begun = new(progress, registered.Pages, rate, push, registered.Unit, _vm.Root);
        lock (_pushed) _pushed.Add((begun, region.PageBytes));
        return begun;
    }

    /// <summary>Records from now on which pages of a region are faulted on, and in what order; a second call changes nothing.</summary>
    /// <param name="region">A region that is registered here.</param>
    public void RecordWorkingSet(GuestRegion region) => Find(region).Pages.RecordTouches();

    /// <summary>
    /// The pages that were faulted on first since <see cref="RecordWorkingSet"/>. What a push brings before it is touched raises no fault,
    /// so a whole working set is recorded without one.
    /// </summary>
    /// <exception cref="InvalidOperationException">Nothing is recorded of the region.</exception>
    public WorkingSet WorkingSetOf(GuestRegion region) =>
        Find(region).Pages.Touches?.Snapshot()
            ?? throw new InvalidOperationException($"Nothing is recorded of region {region.Id}; call {nameof(RecordWorkingSet)} before.");

    /// <summary>
    /// Base pages of a region that have been filled: as they are now and later, to be read only. Also of a region that has been unmapped
    /// since.
    /// </summary>
    /// <exception cref="ArgumentException">The region is not registered here.</exception>
    public PageBitmap ReceivedOf(GuestRegion region)
    {
        ArgumentNullException.ThrowIfNull(region);
        region.ThrowIfForeign(_vm.Root);
        return _registered.Find(region).Received;
    }

    /// <summary>
    /// Takes the userfaultfds of children that the process has forked since the last call (<see cref="UffdFeatures.EventFork"/>), oldest
    /// first. Whatever was absent at the fork is absent in the child too: it waits until the child is served, and one incident for each
    /// fork (<see cref="IncidentKind.ForkedChild"/>) says so.
    /// </summary>
    /// <remarks>
    /// To serve a child, adopt its userfaultfd (<see cref="UffdVm.AdoptUserfaultAsync"/>) and its memory, which has the parent's addresses,
    /// in a VM of its own, as those of another process: the child has pages received of its own, and those that the parent had at the fork
    /// are there, and those that it had given back are zeros (<see cref="AdoptedUserfault.Removed"/>: so adopt what this returns, with what
    /// else is known of it). Of shared memory what one of the two gives back after the fork is a hole in both, and the other's monitor does
    /// not hear of it. A descriptor that is not taken stays open until this process ends, also when the VM is disposed of, for closing it
    /// would turn the child's absent pages into zeros; that of a child that has ended is closed. In the model the child waits too, and
    /// there is nothing to take.
    /// </remarks>
    /// <returns>Descriptors of this process, which belong to the caller from here on; not those of children that have ended.</returns>
    public IReadOnlyList<AdoptedUserfault> TakeChildren() => _kernel.TakeChildren();

    /// <summary>
    /// How long each thread has waited for its pages so far, by thread, if <see cref="ServeOptions.RecordFaultLatency"/> asks for it: of
    /// threads whose waits have ended, and whose faults say whose they are (THREAD_ID; the model reports it, and an adopted userfaultfd has
    /// it, if it was asked for when it was opened).
    /// </summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="InvalidOperationException">It is not recorded.</exception>
    public Task<IReadOnlyList<FaultLatency>> FaultLatenciesAsync(CancellationToken cancellationToken = default)
    {
        _service.ThrowIfClosed();
        return _service.LatenciesAsync(cancellationToken);
    }

    /// <summary>Lets pages that had been given up (after crashes, or a failed source) be tried again.</summary>
    public void Recover() => _service.Recover();

    /// <summary>
    /// Gives up the pages that are absent. Closing turns them into zeros, and the guest must never see those: so the guest is stopped
    /// first, for good (vCPUs, then <see cref="VmOptions.StopGuest"/>), then the push, and only then the userfaultfd is closed. Where the
    /// guest may still run it is left open (<see cref="AbsentPages.StayAbsent"/>). A call that waits for guest or push gets
    /// <see cref="VmFailedException"/>.
    /// </summary>
    public Task AbandonAsync(CancellationToken cancellationToken = default) => AbandonAsync(AbsentPages.StayAbsent, cancellationToken);

    /// <summary>Gives up the pages that are absent, and says what becomes of them if the guest may still run.</summary>
    /// <remarks>
    /// What is closed, and not left open, is unregistered in slices before, as by <see cref="CloseAsync"/>; before each slice it is asked
    /// again whether it may be. One that was adopted, that of a VM that has failed, and one with unread faults while the guest is not known
    /// to be stopped are closed as they are, in one call: with write protection that takes some 100 ms a GiB, and faults elsewhere in the
    /// address space wait.
    /// </remarks>
    /// <param name="absent">Whether threads that wait for them stay asleep, or go on with zeros.</param>
    /// <param name="cancellationToken">Cancels the call if it has not begun.</param>
    /// <exception cref="TimeoutException">
    /// A page source's <c>Request</c>, or <see cref="ServeOptions.BeforeWrite"/>, has not returned for <c>uffd.close-timeout</c>; the call
    /// ends when that does.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such value.</exception>
    public async Task AbandonAsync(AbsentPages absent, CancellationToken cancellationToken = default)
    {
        if (!Enum.IsDefined(absent))
            throw new ArgumentOutOfRangeException(nameof(absent), absent, "There is no such fate of absent pages.");
        _service.ThrowIfClosed();
        cancellationToken.ThrowIfCancellationRequested();
        await _vm.Root.UnlessBlockedAsync(
            nameof(AbandonAsync), UffdActivities.CallAsync("abandon", _vm.Name, () => _service.AbandonAsync(absent)));
    }

    /// <summary>
    /// Closes the userfaultfd. Closing releases waiting threads into pages of zeros, so it is refused while pages of a served region are
    /// absent; <see cref="AbandonAsync(CancellationToken)"/> gives them up together with the guest.
    /// </summary>
    /// <remarks>
    /// Memory with write protection is unregistered in slices before, as <see cref="UnregisterAsync(GuestRegion, CancellationToken)"/> does
    /// it: the close alone would look at every page in one call. While that lasts, a write to a page of a slice that is done is not seen
    /// any more. One that was adopted is closed as it is, for whoever else holds it may go on with its regions: where nobody does,
    /// unregister them before.
    /// </remarks>
    /// <exception cref="InvalidOperationException">
    /// Pages are absent, or threads sleep at addresses in no region, or wait though nothing is served: closing would show them zeros as
    /// well.
    /// </exception>
    /// <exception cref="UffdException">
    /// ESRCH: pages are absent, and the process whose memory it is has ended, or executes another program: use
    /// <see cref="AbandonAsync(CancellationToken)"/>.
    /// </exception>
    /// <exception cref="TimeoutException">
    /// A page source's <c>Request</c>, or <see cref="ServeOptions.BeforeWrite"/>, has not returned for <c>uffd.close-timeout</c>; the call
    /// ends when that does.
    /// </exception>
    public Task CloseAsync(CancellationToken cancellationToken = default) =>
        _vm.Root.UnlessBlockedAsync(nameof(CloseAsync), CloseOnceAsync(cancellationToken));

    /// <summary>
    /// What the disposal of its VM would do with it, now: closes it if nothing is absent, and else gives up what is, with the guest
    /// (<see cref="AbandonAsync(AbsentPages, CancellationToken)"/>, by <see cref="VmOptions.AbsentPagesAtDisposal"/>). Nothing to do if it
    /// has been closed, or its VM disposed of.
    /// </summary>
    /// <exception cref="TimeoutException">
    /// A page source's <c>Request</c>, or <see cref="ServeOptions.BeforeWrite"/>, has not returned for <c>uffd.close-timeout</c>.
    /// </exception>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await CloseOrAbandonAsync();
        }
        catch (Exception e) when (e is ObjectDisposedException or VmFailedException)
        {
            // It has ended, with its VM or before.
        }
    }

    private async Task CloseOrAbandonAsync()
    {
        try
        {
            await CloseAsync();
        }
        catch (Exception e) when (e is UffdException or InvalidOperationException and not ObjectDisposedException)
        {
            await AbandonAsync(_vm.AbsentPagesAtDisposal);
        }
    }

    private async Task CloseOnceAsync(CancellationToken cancel)
    {
        _vm.Root.ThrowIfClosed();
        // The call that has begun it may still be at it.
        if (_service.IsClosed) await _service.ClosedAsync(cancel);
        else await _turns.InTurnAsync("close", () => _service.CloseAsync(cancel), cancel);
    }

    /// <summary>True if faults of the region are resolved from a source.</summary>
    internal bool Serves(GuestRegion region) => Reader is not null && _registered.TryFind(region) is not null;

    /// <summary>Refuses a call on a region of it whose process has ended.</summary>
    internal void ThrowIfOwnerGone(GuestRegion region, string call)
    {
        if (_registered.TryFind(region) is not null) _kernel.Owner.ThrowIfGone(call);
    }

    /// <summary>A region has been unmapped: its pages are not served any more, whether or not an event tells of it.</summary>
    internal Task ForgetAsync(GuestRegion region) => _service.ForgetAsync(region);

    /// <summary>Pages of a region are about to be taken away (REMOVE).</summary>
    internal Task AnnounceRemovalAsync(GuestRegion region, PageRange pages) => _service.AnnounceRemovalAsync(region, pages);

    /// <summary>Ends it with its VM.</summary>
    internal Task StopAndCloseAsync(AbsentPages absent) => _service.StopAndCloseAsync(absent);

    /// <summary>A region that a call is about.</summary>
    private RegisteredRegion Find(GuestRegion region)
    {
        ThrowIfUnusable(region);
        return _registered.Find(region);
    }

    private void ThrowIfUnusable(GuestRegion region)
    {
        _vm.ThrowIfUnusable(region);
        _service.ThrowIfClosed();
    }

    private async Task<IoctlResult> WriteProtectAsync(
        GuestRegion region, long firstPage, long pages, WriteProtectModes modes, CancellationToken cancel)
    {
        RegisteredRegion registered = Find(region);
        return await _ranges.WriteProtectAsync(registered, region.Range(firstPage, pages), modes, cancel);
    }

    /// <summary>
    /// A call that has taken pages of a region away has ended. Its events are read by now, but perhaps not noted: the kernel lets the call
    /// go on while they are.
    /// </summary>
    internal async Task SettleZeroedAsync(GuestRegion region, PageRange pages)
    {
        if (_registered.TryFind(region)?.Zeroed is not { } zeroed) return;
        await _service.ReadEventsAsync();
        zeroed.Withdraw(pages);
    }

    /// <summary>A call that takes pages of a region away has ended, however it has.</summary>
    /// <param name="region">The region, registered here or not.</param>
    /// <param name="pages">Pages of it.</param>
    /// <param name="mayGoLater">True if the kernel takes them when it likes.</param>
    internal void NoteZeroed(GuestRegion region, PageRange pages, bool mayGoLater)
    {
        ZeroedPages? zeroed = _registered.TryFind(region)?.Zeroed;
        if (mayGoLater) zeroed?.Announce(pages);
        else zeroed?.Add(pages);
    }
}
