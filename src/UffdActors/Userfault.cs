using System.Numerics;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Prefetch;
using UffdActors.Worlds;

namespace UffdActors;

/// <summary>
/// A userfaultfd, and what serves it: registered regions, handlers, background push. Safe for any thread, as <see cref="UffdVm"/> is.
/// </summary>
public sealed class Userfault
{
    private const string Unregister = "UFFDIO_UNREGISTER";

    private readonly UffdVm _vm;
    private readonly KernelUserfault _kernel;
    private readonly SlicedCalls _calls;
    private readonly Dictionary<GuestRegion, Registered> _registered = [];
    private (IPageSource Source, Akka.Actor.IActorRef Actor)? _source;
    private FaultReader? _reader;
    private readonly List<Akka.Actor.IActorRef> _pushes = [];
    private readonly List<Akka.Actor.IActorRef> _pushSources = [];
    private readonly Lock _gate = new();
    // Registering, unregistering, serving and closing, one after another: each decides on what the one before has left.
    private readonly SemaphoreSlim _turn = new(1);
    private readonly TaskCompletionSource _ended;
    private int _closed;

    internal Userfault(UffdVm vm, KernelUserfault kernel)
    {
        _vm = vm;
        _kernel = kernel;
        _calls = new SlicedCalls(vm, kernel);
        kernel.Owner.WhenGone(() =>
        {
            _kernel.Actor.Tell(VmProtocol.OwnerGone.Instance, Akka.Actor.ActorRefs.NoSender);
            foreach (Akka.Actor.IActorRef push in Pushes()) push.Tell(VmProtocol.OwnerGone.Instance, Akka.Actor.ActorRefs.NoSender);
        });
        _ended = vm.NewCompletion();
        kernel.Ask(Absence);
    }

    /// <summary>Faults that have been read so far, without <see cref="Repeats"/>.</summary>
    public long Faults => _reader?.Counters.Faults ?? 0;

    /// <summary>
    /// Messages of threads about pages that they waited for already: a signal ends the wait in the kernel, and the thread faults again.
    /// Known by the thread's id, which the model tells only with <see cref="UffdFeatures.ThreadId"/>.
    /// </summary>
    public long Repeats => _reader?.Counters.Repeated ?? 0;

    /// <summary>Pages that are being resolved now.</summary>
    public int Outstanding => _reader?.Outstanding ?? 0;

    internal FaultReader? Reader => _reader;

    internal KernelUserfault Kernel => _kernel;

    internal SlicedCalls Calls => _calls;

    /// <summary>
    /// Registers a region. Registering, unregistering, serving and closing have their turns in the order in which they were begun, so a
    /// region that is being registered when <see cref="ServeAsync"/> is called is served too.
    /// </summary>
    /// <returns>The ioctls that the kernel reports; not all of them need work (SEMANTICS 3.2.5).</returns>
    /// <exception cref="UffdException">
    /// EINVAL: the memory does not support the modes, or they are none, or nothing is mapped there; EBUSY: it belongs to another
    /// userfaultfd; EPERM: it can never be written to. Live, memory that this kernel registers in no such mode (guest_memfd) is an
    /// <c>UnsupportedMachineException</c>, with EINVAL.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// The region has been unmapped, and with it every call ends so; it is registered here already, or the userfaultfd is being served.
    /// </exception>
    /// <exception cref="ArgumentException">It is a region of another VM, and with it every call ends so.</exception>
    /// <exception cref="ObjectDisposedException">
    /// The userfaultfd has been closed, by <see cref="CloseAsync"/>, by abandoning it, or with its VM; every call ends so then.
    /// </exception>
    public Task<UffdIoctls> RegisterAsync(GuestRegion region, RegisterModes modes, CancellationToken cancel = default)
    {
        ThrowIfUnusable(region);
        return InTurnAsync(() => RegisterInTurnAsync(region, modes, cancel), cancel);
    }

    private async Task<UffdIoctls> RegisterInTurnAsync(GuestRegion region, RegisterModes modes, CancellationToken cancel)
    {
        ThrowIfUnusable(region);
        // The reader must know the region before its first fault can come.
        RegionPages pages = new(region.Pages);
        if (_reader is { } reader)
            throw new InvalidOperationException($"Register every region before serving; {reader.View.Regions.Length} are being served.");
        if (TryFind(region) is not null)
            throw new InvalidOperationException(
                $"Region {region.Id} is registered with this userfaultfd already; unregister it first to register it in other modes.");
        UffdIoctls ioctls;
        try
        {
            ioctls = await _kernel.RegisterAsync(region, modes, cancel);
        }
        catch (UffdException e) when (_kernel.Owner.Look())
        {
            throw _kernel.Owner.Refusal("UFFDIO_REGISTER", e);
        }

        if ((modes & RegisterModes.Minor) != 0 && region.AliasAddress != 0 && !region.IsFilled)
            region.ComesThrough = new AliasPages(PageSize.PageOf(region.AliasAddress), region.Pages);
        lock (_gate) _registered[region] = new Registered(region, modes, ioctls, pages);
        return ioctls;
    }

    /// <summary>
    /// Unregisters a region. Where MISSING is registered waiting threads go on into pages of zeros, so it is refused while pages of a
    /// served region are absent; elsewhere the kernel wakes nobody by itself, so a WAKE of what was unregistered follows (SEMANTICS 3.4.3).
    /// </summary>
    /// <remarks>
    /// With write protection every page has to be looked at, so it goes in slices as <see cref="ProtectAsync"/> does. A region of which
    /// only a part was unregistered still counts as registered: that part has no faults any more, the rest has, and calling again finishes
    /// it.
    /// </remarks>
    /// <param name="region">The region.</param>
    /// <param name="cancel">
    /// Cancels the call if it has not been issued yet, and between two slices (<see cref="CallCancelledException"/>).
    /// </param>
    /// <exception cref="InvalidOperationException">Pages are absent.</exception>
    /// <exception cref="UffdException">
    /// The kernel refuses; the message says how much was unregistered. ESRCH: the process whose memory it is has ended.
    /// </exception>
    public async Task UnregisterAsync(GuestRegion region, CancellationToken cancel = default)
    {
        _ = Find(region);
        _ = await InTurnAsync(
            async () =>
            {
                await UnregisterInTurnAsync(region, cancel);
                return true;
            },
            cancel);
    }

    private async Task UnregisterInTurnAsync(GuestRegion region, CancellationToken cancel)
    {
        Registered registered = Find(region);
        ThrowIfAbsent(registered, "unregistering", Unregister);
        // Without write protection the call looks at no page.
        bool cuts = (registered.Modes & RegisterModes.WriteProtect) != 0;
        PageRange all = new(0, region.Pages);
        RangeSlices slices = cuts ? new RangeSlices(region, all, counts: false) : RangeSlices.One(region, all);
        IoctlResult result =
            await RunAsync(Unregister, region, slices, (part, c) => _kernel.UnregisterAsync(region, part, registered.Modes, c), cancel);
        if (!result.IsDone)
            throw new UffdException(
                Unregister, result.Error,
                $"{KernelErrors.Explain(Unregister, result.Error)}; {slices.BytesDone} of {slices.BytesInAll} bytes of region {region.Id} "
                    + $"are unregistered");
        region.ComesThrough = null;
        region.Reader = null;
        lock (_gate) _ = _registered.Remove(region);
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
    /// Calls over ranges (protect, unprotect, move, poison, take, unregister) go in slices of 16 MiB, and faults are served between two of
    /// them. Calls on one userfaultfd follow each other in the order in which they were begun: what two leave of one range is what the
    /// later leaves.
    /// </para>
    /// <para>
    /// A range is not protected at one moment: while the guest runs, it writes to pages at its end after those at its start are protected.
    /// That is so with a single ioctl too.
    /// </para>
    /// </remarks>
    /// <param name="region">A region that is registered for write protection.</param>
    /// <param name="firstPage">First page of the region.</param>
    /// <param name="pages">Base pages; on huge pages a multiple of their size.</param>
    /// <param name="cancel">
    /// Cancels the call if it has not been issued yet, and between two slices (<see cref="CallCancelledException"/>).
    /// </param>
    /// <returns>
    /// A call that is done, or that fails at its start, reports no progress; one that fails behind its first slice, the bytes of the slices
    /// that are done. EAGAIN: an event is unread, and nothing was done, or what the progress says; go on behind it. Served, only the start
    /// can meet that: later slices wait until the event has been read. ENOENT: a part is not registered for write protection, and what lies
    /// before it is protected; EINVAL: huge pages, and the range ends inside one.
    /// </returns>
    /// <exception cref="UffdException">ESRCH: the process whose memory it is has ended, or executes another program.</exception>
    public Task<IoctlResult> ProtectAsync(GuestRegion region, long firstPage, long pages, CancellationToken cancel = default) =>
        WriteProtectAsync(region, firstPage, pages, WriteProtectModes.Protect, cancel);

    /// <summary>
    /// Ends write protection of pages, and wakes every thread that waits in them. Errors as of <see cref="ProtectAsync"/>.
    /// </summary>
    public Task<IoctlResult> UnprotectAsync(GuestRegion region, long firstPage, long pages, CancellationToken cancel = default) =>
        WriteProtectAsync(region, firstPage, pages, WriteProtectModes.Clear, cancel);

    /// <summary>
    /// Takes the pages that were written since they were protected, and protects them again, page by page in one step: no write is lost
    /// between the two (PAGEMAP_SCAN). For a userfaultfd opened with WP_ASYNC, and a region that is registered for write protection, alone
    /// or with MISSING or MINOR. An absent page that was not protected counts as written, so protect the region first. Read the content
    /// after this has returned.
    /// </summary>
    /// <remarks>
    /// Pages that have lost their content without a write count as written too: those that <see cref="UffdVm.AdviseAsync"/> has taken away
    /// (REMOVE; of private memory DONTNEED and FREE; not DONTNEED of shared memory, which keeps its content), and those of REMOVE events,
    /// if the userfaultfd is served and has asked for them. An event says neither which call it was nor when the pages go, only that they
    /// will: so a page that is still there when it is taken comes once more with the next call. A hole that somebody else punches through a
    /// descriptor is not seen.
    /// </remarks>
    /// <param name="region">The region.</param>
    /// <param name="firstPage">First page of the region.</param>
    /// <param name="pages">Base pages.</param>
    /// <param name="cancel">
    /// Cancels the call if it has not been issued yet; afterwards it goes on to its end, for what it has taken is found nowhere else.
    /// </param>
    /// <returns>Ranges of pages of the region, ascending.</returns>
    /// <exception cref="UffdException">EPERM: the region is not registered so. ESRCH: the process whose memory it is has ended.</exception>
    /// <exception cref="InvalidOperationException">
    /// The memory is another process's, which was not named when it was adopted (<see cref="AdoptedMemory.ProcessId"/>).
    /// </exception>
    public async Task<IReadOnlyList<PageRange>> TakeWrittenAsync(
        GuestRegion region, long firstPage, long pages, CancellationToken cancel = default)
    {
        Registered registered = Find(region);
        PageRange range = region.Range(firstPage, pages);
        // First what has gone, then what was written: what goes in between is found the next time.
        List<PageRange> gone = [];
        GuestReader? reader = null;
        // A call of the guest's returns when its event has been read, which may be just before it is applied.
        await ReadEventsAsync();
        try
        {
            return await _calls.TakeAsync(
                region,
                range,
                async (part, c) =>
                {
                    List<PageRange> here = TakeZeroed(registered, part);
                    gone.AddRange(here);
                    IReadOnlyList<PageRange> written = await ScanPartsAsync(
                        region, part, (pages, address) => _kernel.TakeWrittenAsync(region, pages, address, c));
                    reader ??= _vm.NewReader();
                    RemovedPages removed = Removed(registered, reader);
                    foreach (PageRange found in written)
                    {
                        registered.Pages.WriteFound(
                            found, registered.IsFilled, page => reader.IsThere(region, page, isMapped: true), removed.IsWritten);
                    }

                    return ZeroedPages.Union(here, written);
                },
                cancel);
        }
        catch (Exception e)
        {
            foreach (PageRange part in gone) registered.Zeroed!.Add(part);
            if (e is not OperationCanceledException && _kernel.Owner.Look()) throw _kernel.Owner.Refusal("PAGEMAP_SCAN", e);
            throw;
        }
    }

    /// <summary>
    /// What is known of pages, wherever the guest has moved them: never there, from the source, zero, removed, written. Every event that
    /// there is has been read first, so what the guest gave back before the call is told as such; and it stays so when the page is touched
    /// later, until it is written. For a picture of one moment stop the guest first.
    /// </summary>
    /// <remarks>
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
    /// not protected, from what the source has; and what somebody writes through another mapping. Memory that cannot be read from here
    /// (another process's that was not named) is told as the events say.
    /// </para>
    /// </remarks>
    /// <param name="region">A region that is registered here.</param>
    /// <param name="firstPage">First page of the region.</param>
    /// <param name="pages">Base pages.</param>
    /// <param name="cancel">Cancels the wait.</param>
    /// <returns>Runs of pages in one state, ascending, without gaps.</returns>
    /// <exception cref="UffdException">The page table cannot be scanned (PAGEMAP_SCAN).</exception>
    public async Task<IReadOnlyList<PageStateRange>> PageStatesAsync(
        GuestRegion region, long firstPage, long pages, CancellationToken cancel = default)
    {
        Registered registered = Find(region);
        PageRange range = region.Range(firstPage, pages);
        bool isWatched = (registered.Modes & RegisterModes.WriteProtect) != 0;
        // First what is written, then what is removed: a page that goes in between is told as written, and reads as zeros.
        IReadOnlyList<PageRange> written;
        try
        {
            written = isWatched ? await FindWrittenAsync(region, range, cancel) : [];
        }
        catch (UffdException e) when (_kernel.Owner.Look())
        {
            throw _kernel.Owner.Refusal("PAGEMAP_SCAN", e);
        }

        TaskCompletionSource<IReadOnlyList<PageStateRange>> done = _vm.NewCompletion<IReadOnlyList<PageStateRange>>();
        _kernel.Actor.Tell(new VmProtocol.ReadStates(registered.Pages, range, written, done), Akka.Actor.ActorRefs.NoSender);
        IReadOnlyList<PageStateRange> states = await _vm.OrFailed(done.Task.WaitAsync(cancel));
        return Removed(registered, _vm.NewReader()).ToldApart(states);
    }

    /// <summary>
    /// Moves pages of private anonymous memory from one place of the VM to another without copying, and wakes who waits for them
    /// (UFFDIO_MOVE, SEMANTICS 5.8). The source is a hole afterwards. Protection of a page is not carried over.
    /// </summary>
    /// <param name="destination">A region that is registered here.</param>
    /// <param name="destinationPage">First page of it.</param>
    /// <param name="source">A region that nobody serves: what is moved out of a served one would be fetched from its source again.</param>
    /// <param name="sourcePage">First page of it.</param>
    /// <param name="pages">Base pages.</param>
    /// <param name="modes">Whether to wake; whether a hole in the source counts as moved.</param>
    /// <param name="cancel">
    /// Cancels the call if it has not been issued yet, and between two slices (<see cref="CallCancelledException"/>).
    /// </param>
    /// <returns>
    /// Errno and signed progress in bytes. EAGAIN with progress: what follows met a hole or a conflict, and a call that starts there says
    /// which; EAGAIN without: an event is unread. EEXIST: the destination is not empty; ENOENT: the source is a hole; EBUSY: the source is
    /// shared with a child; EFAULT: it is poisoned; EINVAL: other memory than private anonymous, or mappings of different protection. Goes
    /// in slices (<see cref="ProtectAsync"/>), so a range that is in order for some of them only is moved as far.
    /// </returns>
    /// <exception cref="InvalidOperationException">The source is being served.</exception>
    /// <exception cref="UffdException">ESRCH: the process whose memory it is has ended, or executes another program.</exception>
    public async Task<IoctlResult> MoveAsync(
        GuestRegion destination,
        long destinationPage,
        GuestRegion source,
        long sourcePage,
        long pages,
        MoveModes modes = MoveModes.None,
        CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        Registered registered = Find(destination);
        PageRange to = destination.Range(destinationPage, pages);
        _vm.ThrowIfUnusable(source);
        PageRange from = source.Range(sourcePage, pages);
        if (_vm.IsServed(source))
            throw new InvalidOperationException(
                $"Region {source.Id} is being served: pages moved out of it would be fetched again. Move out of a region that "
                    + $"nobody serves.");
        RangeSlices slices = new(destination, to, counts: true);
        return await RunAsync(
            "UFFDIO_MOVE",
            destination,
            slices,
            async (part, c) =>
            {
                IoctlResult result =
                    await _kernel.MoveAsync(destination, part, source.AddressOf(from.Start + part.Start - to.Start), modes, c);
                // A hole that counts as moved has left a hole.
                if ((modes & MoveModes.AllowSourceHoles) == 0) registered.Receive(part.Start, result);
                return result;
            },
            cancel);
    }

    /// <summary>
    /// Poisons pages that are lost for good (UFFDIO_POISON, SEMANTICS 5.6), and wakes who waits for them: user mode gets SIGBUS, a system
    /// call EFAULT. Only absent pages can be. They count as received.
    /// </summary>
    /// <param name="region">A region that is registered here.</param>
    /// <param name="firstPage">First page of the region.</param>
    /// <param name="pages">Base pages.</param>
    /// <param name="cancel">
    /// Cancels the call if it has not been issued yet, and between two slices (<see cref="CallCancelledException"/>).
    /// </param>
    /// <returns>
    /// Errno and signed progress in bytes. EEXIST: the first page is there; EAGAIN with progress: a later one is; EAGAIN without: an event
    /// is unread; EINVAL: this memory takes no poison. Goes in slices (<see cref="ProtectAsync"/>).
    /// </returns>
    /// <exception cref="InvalidOperationException">The VM has vCPUs that a touch would end together with the process.</exception>
    /// <exception cref="UffdException">ESRCH: the process whose memory it is has ended, or executes another program.</exception>
    public async Task<IoctlResult> PoisonAsync(GuestRegion region, long firstPage, long pages, CancellationToken cancel = default)
    {
        Registered registered = Find(region);
        PageRange range = region.Range(firstPage, pages);
        _vm.AllowPoison();
        RangeSlices slices = new(region, range, counts: true);
        return await RunAsync(
            "UFFDIO_POISON",
            region,
            slices,
            async (part, c) =>
            {
                IoctlResult result = await _kernel.PoisonAsync(region, part, c);
                registered.Receive(part.Start, result);
                return result;
            },
            cancel);
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
    public async Task ServeAsync(ServeOptions options, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfOutOfRange();
        ThrowIfClosed();
        _ = await InTurnAsync(
            async () =>
            {
                await ServeInTurnAsync(options, cancel);
                return true;
            },
            cancel);
    }

    private async Task ServeInTurnAsync(ServeOptions options, CancellationToken cancel)
    {
        ThrowIfClosed();
        if (_reader is not null) throw new InvalidOperationException("The userfaultfd is being served already.");
        cancel.ThrowIfCancellationRequested();
        if (options.LostPages == LostPages.Poison)
        {
            _vm.AllowPoison();
            foreach (Registered unfit in All().Where(r => r.IsFilled && (r.Ioctls & UffdIoctls.Poison) == 0))
                throw new InvalidOperationException(
                    $"Region {unfit.Region.Id} ({unfit.Region.Module ?? "anonymous memory"}) takes no poison; use LostPages.Wait.");
        }

        if (options.BeforeWrite is not null)
        {
            // The hook is there to read what a page holds; that it cannot must not be found out in the ring.
            foreach (Registered watched in All().Where(r => (r.Modes & RegisterModes.WriteProtect) != 0))
                _vm.Kernel.ThrowIfUnreadable(watched.Region);
        }

        _kernel.Owner.ThrowIfGone("UFFDIO_CONTINUE");
        Registered[] regions = Mapped();
        foreach (Registered registered in regions) ThrowIfReadAsZeros(registered);
        RegionView view = RegionView.Of(regions.Select(Served));
        HandlerSlot[] slots = [.. Enumerable.Range(0, options.Handlers).Select(i => new HandlerSlot(i, _kernel.NewMonitorThread()))];
        FaultReader reader = new(_kernel.Descriptor, slots, view, _vm.Context.Time, _vm.Settings.HandlerCrashLimit)
        {
            BeforeWrite = options.BeforeWrite,
            HookFailure = options.HookFailure,
            Outages = new Outages(_vm.TermsOf(options, _kernel.Descriptor)),
            Owner = _kernel.Owner,
            Calls = _vm.Calls,
        };
        Akka.Actor.IActorRef? source = options.SourceActor || !options.Source.AnswersAtOnce
            ? await _vm.StartSourceAsync(reader.Outages.Of(options.Source)) : null;
        if (_vm.Calls is { } calls) foreach (HandlerSlot slot in slots) calls.Add(slot.Call);
        _kernel.Serve(reader);
        HandlerOptions[] handlers =
            [.. slots.Select(slot => new HandlerOptions(slot, reader, _kernel.Actor, options.Source, source, options.LostPages))];
        await _vm.StartHandlersAsync(reader, _kernel.Actor, handlers);
        // Abandoned meanwhile: nobody serves what is closed.
        ThrowIfClosed();
        if (source is not null) _source = (options.Source, source);
        _reader = reader;
        foreach (Registered registered in regions) registered.Region.Reader = reader;
        _calls.Served();
        foreach (Registered registered in regions.Where(r => r.Region.IsUnmapped)) await ForgetAsync(registered.Region);
        if (!_kernel.IsTakenOver) return;
        // Faults that were read elsewhere come again, and only here.
        foreach (Registered registered in regions)
            _kernel.Descriptor.Wake(registered.Region.Address, registered.Region.Address + registered.Region.Bytes);
    }

    /// <summary>
    /// Starts the background push of a region: what nobody asks for is filled too, demand first, from the first page to the last.
    /// </summary>
    /// <returns>The push under way.</returns>
    public Task<BackgroundPush> PushAsync(GuestRegion region, IPageSource source, CancellationToken cancel = default) =>
        PushAsync(region, source, new PrefetchOptions(), cancel);

    /// <summary>The same in another order, or at a rate.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public async Task<BackgroundPush> PushAsync(
        GuestRegion region, IPageSource source, PrefetchOptions options, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfOutOfRange();
        RegionPages pages = Find(region).Pages;
        FaultReader reader = _reader ?? throw new InvalidOperationException("Serve the userfaultfd before pushing.");
        cancel.ThrowIfCancellationRequested();
        PushProgress progress = new(_vm.NewCompletion());
        // Demand and push meet in one mailbox, if they come from one source.
        Akka.Actor.IActorRef actor = _source is var (served, asked) && ReferenceEquals(served, source)
            ? asked
            : await _vm.StartSourceAsync(reader.Outages.Of(source));
        int chunk = ChunkOf(region);
        PushRate rate = new() { BytesPerSecond = options.BytesPerSecond };
        Akka.Actor.IActorRef push = await _vm.StartPushAsync(
            new PushOptions(
                reader, _kernel.Actor, _kernel.NewMonitorThread(), actor, region.Id, pages, progress, chunk, UnitOf(region),
                reader.Outages.Of(source), options.Order, WindowOf(options, source, chunk), rate));
        lock (_gate)
        {
            _pushes.Add(push);
            if (actor != _source?.Actor) _pushSources.Add(actor);
        }

        // It may have been told before this one was known.
        if (_kernel.Owner.Look()) push.Tell(VmProtocol.OwnerGone.Instance, Akka.Actor.ActorRefs.NoSender);
        return new BackgroundPush(progress, pages, rate, push, UnitOf(region), _vm);
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
        region.ThrowIfForeign(_vm);
        return Known(region).Received;
    }

    /// <summary>
    /// Takes the userfaultfds of children that the process has forked since the last call (<see cref="UffdFeatures.EventFork"/>), oldest
    /// first. Whatever was absent at the fork is absent in the child too: it waits until somebody serves it, and one incident for each fork
    /// (<see cref="IncidentKind.ForkedChild"/>) says so.
    /// </summary>
    /// <remarks>
    /// To serve a child, adopt its userfaultfd (<see cref="UffdVm.AdoptUserfaultAsync"/>) and its memory, which has the parent's addresses,
    /// in a VM of its own, as those of another process: the child has pages received of its own, and those that the parent had at the fork
    /// are there. What nobody takes stays open until this process ends, also when the VM is disposed of, for closing it would turn the
    /// child's absent pages into zeros; that of a child that has ended is closed. In the model the child waits too, and there is nothing to
    /// take.
    /// </remarks>
    /// <returns>Descriptors of this process, which belong to the caller from here on; not those of children that have ended.</returns>
    public IReadOnlyList<AdoptedUserfault> TakeChildren() =>
        [.. _kernel.TakeChildren().Select(descriptor => new AdoptedUserfault { Descriptor = descriptor, IsOfOtherProcess = true })];

    /// <summary>Lets pages that had been given up (after crashes, or a failed source) be tried again.</summary>
    public void Recover()
    {
        _reader?.Outages.Recover(_vm.Now);
        _kernel.Actor.Tell(VmProtocol.Recover.Instance, Akka.Actor.ActorRefs.NoSender);
        foreach (Akka.Actor.IActorRef push in Pushes()) push.Tell(VmProtocol.Recover.Instance, Akka.Actor.ActorRefs.NoSender);
        // Orders of which nothing is heard are given again at once.
        _source?.Actor.Tell(VmProtocol.Recover.Instance, Akka.Actor.ActorRefs.NoSender);
        lock (_gate)
        {
            foreach (Akka.Actor.IActorRef source in _pushSources) source.Tell(VmProtocol.Recover.Instance, Akka.Actor.ActorRefs.NoSender);
        }
    }

    /// <summary>
    /// Gives up the pages that are absent. Closing turns them into zeros, and the guest must never see those: so the guest is stopped
    /// first, for good (vCPUs, then <see cref="VmOptions.StopGuest"/>), then the push, and only then the userfaultfd is closed. Where the
    /// guest may still run it is left open (<see cref="AbsentPages.StayAbsent"/>). Whoever waits for guest or push gets
    /// <see cref="VmFailedException"/>.
    /// </summary>
    public Task AbandonAsync(CancellationToken cancel = default) => AbandonAsync(AbsentPages.StayAbsent, cancel);

    /// <summary>Gives up the pages that are absent, and says what becomes of them if the guest may still run.</summary>
    /// <param name="absent">Whether threads that wait for them stay asleep, or go on with zeros.</param>
    /// <param name="cancel">Cancels the call if it has not begun.</param>
    /// <exception cref="TimeoutException">
    /// A page source's <c>Request</c>, or <see cref="ServeOptions.BeforeWrite"/>, has not returned for <c>uffd.close-timeout</c>; the call
    /// ends when that does.
    /// </exception>
    public async Task AbandonAsync(AbsentPages absent, CancellationToken cancel = default)
    {
        if (!Enum.IsDefined(absent))
            throw new ArgumentOutOfRangeException(nameof(absent), absent, "There is no such fate of absent pages.");
        ThrowIfClosed();
        cancel.ThrowIfCancellationRequested();
        await _vm.UnlessBlockedAsync(nameof(AbandonAsync), StopAllAsync());

        async Task StopAllAsync()
        {
            await _vm.StopGuestAsync();
            await StopAndCloseAsync(absent);
        }
    }

    /// <summary>
    /// Closes the userfaultfd. Closing releases waiting threads into pages of zeros, so it is refused while pages of a served region are
    /// absent; <see cref="AbandonAsync(CancellationToken)"/> gives them up together with the guest.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// Pages are absent, or threads sleep at addresses in no region, which closing would show zeros as well.
    /// </exception>
    /// <exception cref="UffdException">
    /// ESRCH: pages are absent, and the process whose memory it is has ended, or executes another program: use
    /// <see cref="AbandonAsync(CancellationToken)"/>.
    /// </exception>
    /// <exception cref="TimeoutException">
    /// A page source's <c>Request</c>, or <see cref="ServeOptions.BeforeWrite"/>, has not returned for <c>uffd.close-timeout</c>; the call
    /// ends when that does.
    /// </exception>
    public Task CloseAsync(CancellationToken cancel = default) => _vm.UnlessBlockedAsync(nameof(CloseAsync), CloseOnceAsync(cancel));

    private async Task CloseOnceAsync(CancellationToken cancel)
    {
        _vm.ThrowIfClosed();
        if (IsClosed)
        {
            // Whoever has begun it may still be at it.
            await _vm.OrFailed(_ended.Task.WaitAsync(cancel));
            return;
        }

        _ = await InTurnAsync(
            async () =>
            {
                foreach (Registered registered in All()) ThrowIfAbsent(registered, "closing", "close");
                if (_reader is { HasStraySleepers: true } && !_kernel.Owner.Look())
                {
                    throw new InvalidOperationException(
                        "Threads sleep at addresses in no region (incident UnknownAddress); closing now would show them zeros. Unmap or "
                            + "unregister the range and recover, or abandon it together with the guest.");
                }

                cancel.ThrowIfCancellationRequested();
                // From here on it goes on to its end, whoever still waits for it.
                await CloseForGoodAsync(ClosingReason.NothingIsAbsent).WaitAsync(cancel);
                return true;
            },
            cancel);
    }

    /// <summary>True if faults of the region are resolved from a source.</summary>
    internal bool Serves(GuestRegion region) => _reader is not null && TryFind(region) is not null;

    /// <summary>Refuses a call on a region of it whose process has ended.</summary>
    internal void ThrowIfOwnerGone(GuestRegion region, string call)
    {
        if (TryFind(region) is not null) _kernel.Owner.ThrowIfGone(call);
    }

    /// <summary>A region has been unmapped: its pages are nobody's any more, whether or not an event tells of it.</summary>
    internal async Task ForgetAsync(GuestRegion region)
    {
        if (_reader is null || !All().Any(r => r.Region == region)) return;
        TaskCompletionSource done = _vm.NewCompletion();
        _kernel.Actor.Tell(new VmProtocol.Unmapped(region.Address, region.Address + region.Bytes, done), Akka.Actor.ActorRefs.NoSender);
        await _vm.OrFailed(Task.WhenAny(done.Task, _ended.Task));
    }

    // A page that is not in the cache raises no MINOR fault, and one that is there no MISSING fault: where only the wrong one of the two is
    // registered, pages that the source has never been asked for are read as zeros.
    private static void ThrowIfReadAsZeros(Registered registered)
    {
        GuestRegion region = registered.Region;
        RegisterModes modes = registered.Modes & (RegisterModes.Missing | RegisterModes.Minor);
        bool hasAlias = region.AliasAddress != 0;
        if (region.IsFilled || modes != (hasAlias ? RegisterModes.Missing : RegisterModes.Minor)) return;
        string options = region.IsAdopted ? nameof(AdoptedMemory) : nameof(RegionOptions);
        string why = hasAlias
            ? "MISSING without MINOR and has an alias: its page cache was allocated in full for that, so its pages would be read as zeros"
            : "MINOR alone and has no alias: pages that are not in its page cache would be read as zeros";
        string how = (hasAlias, region.IsAdopted) switch
        {
            (true, true) => $"Register it for MINOR, or adopt it without its descriptor ({options}.{nameof(AdoptedMemory.Descriptor)})",
            (true, false) => $"Register it for MINOR, or map it without {options}.{nameof(RegionOptions.WithAlias)}",
            (false, true) => "Register it for MISSING as well, adopt it with its descriptor",
            (false, false) => $"Register it for MISSING as well, map it {nameof(RegionOptions.WithAlias)}",
        };
        if (!hasAlias) how += $", or say that its page cache holds all content already ({options}.{nameof(RegionOptions.IsFilled)})";
        throw new InvalidOperationException($"Region {region.Id} ({region.Module}) is registered for {why}, without a fault. {how}.");
    }

    // What can be served: where all has been unmapped there is nothing, and that is a mistake.
    private Registered[] Mapped()
    {
        Registered[] all = All();
        Registered[] mapped = [.. all.Where(r => !r.Region.IsUnmapped)];
        if (mapped.Length == 0 && all.Length > 0) all[0].Region.ThrowIfUnmapped();
        return mapped;
    }

    private Registered[] All()
    {
        lock (_gate) return [.. _registered.Values];
    }

    private Registered? TryFind(GuestRegion region)
    {
        lock (_gate) return _registered.GetValueOrDefault(region);
    }

    /// <summary>A region that a call is about.</summary>
    private Registered Find(GuestRegion region)
    {
        ThrowIfUnusable(region);
        return Known(region);
    }

    private bool IsClosed => Volatile.Read(ref _closed) == 1;

    private void ThrowIfClosed()
    {
        _vm.ThrowIfClosed();
        ObjectDisposedException.ThrowIf(IsClosed, this);
    }

    private void ThrowIfUnusable(GuestRegion region)
    {
        _vm.ThrowIfUnusable(region);
        ThrowIfClosed();
    }

    /// <summary>Makes a call when those that were begun before it are over; a VM that fails meanwhile has nobody wait for ever.</summary>
    private async Task<T> InTurnAsync<T>(Func<Task<T>> call, CancellationToken cancel)
    {
        Task turn = _turn.WaitAsync(cancel);
        try
        {
            await _vm.OrFailed(turn);
            return await call();
        }
        finally
        {
            if (turn.IsCompletedSuccessfully) _ = _turn.Release();
            // Given up before its turn: when that comes, the next one has it.
            else _ = turn.ContinueWith(
                _ => _turn.Release(), CancellationToken.None,
                TaskContinuationOptions.OnlyOnRanToCompletion | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private Registered Known(GuestRegion region)
    {
        return TryFind(region)
            ?? throw new ArgumentException($"Region {region.Id} is not registered with this userfaultfd.", nameof(region));
    }

    /// <summary>Calls in slices. What fails because the memory is gone has its errno from elsewhere, so that is asked for.</summary>
    private async Task<IoctlResult> RunAsync(
        string name, GuestRegion region, RangeSlices slices, Func<PageRange, CancellationToken, Task<IoctlResult>> call,
        CancellationToken cancel)
    {
        IoctlResult result = await _calls.RunAsync(name, region, slices, call, cancel);
        if (!result.IsDone) _kernel.Owner.ThrowIfGone(name);
        return result;
    }

    private async Task<IoctlResult> WriteProtectAsync(
        GuestRegion region, long firstPage, long pages, WriteProtectModes modes, CancellationToken cancel)
    {
        Registered registered = Find(region);
        PageRange range = region.Range(firstPage, pages);
        RangeSlices slices = new(region, range, counts: false);
        return await RunAsync("UFFDIO_WRITEPROTECT", region, slices, (part, c) => WriteProtectAsync(registered, part, modes, c), cancel);
    }

    private async Task<IoctlResult> WriteProtectAsync(
        Registered registered, PageRange pages, WriteProtectModes modes, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        // First what is to be filled, then what is there: a page that is filled meanwhile is protected by one of the two.
        registered.Pages.Protect(pages, (modes & WriteProtectModes.Protect) != 0);
        // What is protected counts as not written from then on, and what had gone before counts no more either.
        List<PageRange> gone = (modes & WriteProtectModes.Protect) != 0 ? TakeZeroed(registered, pages) : [];
        bool isDone = false;
        try
        {
            IoctlResult result = await _kernel.WriteProtectAsync(registered.Region, pages, modes, cancel);
            isDone = result.IsDone;
            return result;
        }
        finally
        {
            if (!isDone) foreach (PageRange part in gone) registered.Zeroed!.Add(part);
        }
    }

    private Task ReadEventsAsync()
    {
        if (_reader is null) return Task.CompletedTask;
        TaskCompletionSource done = _vm.NewCompletion();
        _kernel.Actor.Tell(new VmProtocol.ReadEvents(done), Akka.Actor.ActorRefs.NoSender);
        return _vm.OrFailed(done.Task);
    }

    private async Task<IReadOnlyList<PageRange>> FindWrittenAsync(GuestRegion region, PageRange range, CancellationToken cancel)
    {
        await ReadEventsAsync();
        return await ScanPartsAsync(region, range, (pages, address) => _kernel.FindWrittenAsync(region, pages, address, cancel));
    }

    /// <summary>
    /// Scans pages where they are now: parts that the guest has moved are at another address, and something else may lie at the old one.
    /// </summary>
    private async Task<IReadOnlyList<PageRange>> ScanPartsAsync(
        GuestRegion region, PageRange range, Func<PageRange, ulong, Task<IReadOnlyList<PageRange>>> scan)
    {
        if (_reader is not { } reader) return await scan(range, region.AddressOf(range.Start));
        IReadOnlyList<PageRange> written = [];
        foreach (ServedRegion part in reader.View.Regions.Where(r => r.Id == region.Id))
        {
            PageRange pages = range.Intersect(new PageRange(part.PageOf(part.Range.Start), part.PageOf(part.Range.End)));
            if (pages.Count > 0)
                written = ZeroedPages.Union(written, await scan(pages, PageSize.AddressOf(part.Base + pages.Start)));
        }

        return written;
    }

    private static RemovedPages Removed(Registered registered, GuestReader reader)
    {
        GuestRegion region = registered.Region;
        RegisterModes modes = registered.Modes;
        RemovalTerms terms = new(
            region.Module is not null, (modes & RegisterModes.Missing) != 0, (modes & RegisterModes.Minor) != 0,
            (modes & RegisterModes.WriteProtect) != 0, UnitOf(region));
        return new RemovedPages(registered.Pages, terms, page => reader.Look(region, page));
    }

    private List<PageRange> TakeZeroed(Registered registered, PageRange range)
    {
        if (registered.Zeroed is not { } zeroed) return [];
        GuestReader? reader = null;
        return zeroed.Take(range, page => (reader ??= _vm.NewReader()).IsThere(registered.Region, page));
    }

    /// <summary>A call that takes pages of a region away has ended, however it has.</summary>
    /// <param name="region">The region, registered here or not.</param>
    /// <param name="pages">Pages of it.</param>
    /// <param name="mayGoLater">True if the kernel takes them when it likes.</param>
    internal void NoteZeroed(GuestRegion region, PageRange pages, bool mayGoLater)
    {
        ZeroedPages? zeroed = TryFind(region)?.Zeroed;
        if (mayGoLater) zeroed?.Announce(pages);
        else zeroed?.Add(pages);
    }

    private void ThrowIfAbsent(Registered registered, string call, string name)
    {
        long absent = AbsentPagesOf(registered);
        if (absent == 0) return;
        // Then they are absent for good, and no push can mend that.
        _kernel.Owner.ThrowIfGone(name);
        throw new InvalidOperationException(
            $"Region {registered.Region.Id} lacks {absent} of {registered.Received.Pages} pages; {call} now would turn them into zeros. "
                + $"Finish the push, or abandon them together with the guest.");
    }

    /// <summary>Pages that are to be filled and are not there. What has been unmapped is nobody's.</summary>
    private long AbsentPagesOf(Registered registered)
    {
        if (_reader is not { } reader || !registered.IsFilled || registered.Region.IsUnmapped) return 0;
        RegionPages pages = registered.Pages;
        int unit = UnitOf(registered.Region);
        PageRange[] parts = [
            .. reader.View.Regions.Where(r => r.Id == registered.Region.Id)
                .Select(r => new PageRange(r.PageOf(r.Range.Start), r.PageOf(r.Range.End)))];
        if (parts.Sum(p => p.Count) == pages.Received.Pages) return pages.CountAbsent(unit);
        long absent = 0;
        foreach (PageRange part in parts)
        {
            for (long page = pages.NextAbsent(part.Start, unit); page < part.End; page = pages.NextAbsent(page + unit, unit))
                absent += unit;
        }

        return absent;
    }

    private Absence Absence()
    {
        Registered[] filled = [.. All().Where(r => r.IsFilled && !r.Region.IsUnmapped)];
        return new Absence(string.Join(", ", filled.Select(r => r.Region.Id)), filled.Sum(AbsentPagesOf));
    }

    private Akka.Actor.IActorRef[] Pushes()
    {
        lock (_gate) return [.. _pushes];
    }

    /// <summary>Stops the push first, for a call on a userfaultfd that is closed would be reported as one that went wrong.</summary>
    internal async Task StopAndCloseAsync(AbsentPages absent)
    {
        await _vm.StopAsync(Pushes());
        await CloseForGoodAsync(absent == AbsentPages.ReadAsZeros ? ClosingReason.LossIsTaken : ClosingReason.GivenUp);
    }

    private async Task CloseForGoodAsync(ClosingReason reason)
    {
        if (Interlocked.Exchange(ref _closed, 1) == 1) return;
        _calls.Close();
        try
        {
            _kernel.Closes(reason);
            await _kernel.CloseAsync(CancellationToken.None);
        }
        finally
        {
            _ = _ended.TrySetResult();
        }
    }

    private static ServedRegion Served(Registered registered)
    {
        GuestRegion region = registered.Region;
        PageRange range = PageRange.OfBytes(region.Address, region.Bytes);
        bool isMinor = (registered.Modes & RegisterModes.Minor) != 0;
        AliasPages? alias = isMinor ? region.ComesThrough : null;
        ResolveBy by = !isMinor ? ResolveBy.Copy : alias is null ? ResolveBy.ContinueAsIs : ResolveBy.Continue;
        bool isProtected = (registered.Modes & RegisterModes.WriteProtect) != 0;
        return new ServedRegion(
            region.Id, range, range.Start, by, registered.Pages, alias, BitOperations.Log2((uint)region.PageBytes), isProtected)
        {
            Zeroed = registered.Zeroed,
            CopiesHoles = by == ResolveBy.ContinueAsIs && (registered.Modes & RegisterModes.Missing) != 0,
        };
    }

    private static int UnitOf(GuestRegion region) => region.PageBytes >> PageSize.BaseShift;

    private int WindowOf(PrefetchOptions options, IPageSource source, int chunkPages)
    {
        if (source.AnswersAtOnce) return 1;
        long bytes = options.WindowBytes ?? _vm.Settings.PushWindowBytes;
        return (int)Math.Max(1, bytes / ((long)chunkPages << PageSize.BaseShift));
    }

    // Whole pages of the region, at least one.
    private int ChunkOf(GuestRegion region) => Math.Max(_vm.Settings.PushChunkPages / UnitOf(region), 1) * UnitOf(region);

    /// <summary>A region that is registered here.</summary>
    private sealed record Registered(GuestRegion Region, RegisterModes Modes, UffdIoctls Ioctls, RegionPages Pages)
    {
        /// <summary>Pages that are there.</summary>
        public PageBitmap Received => Pages.Received;

        /// <summary>What has lost its content without a write; null where nobody asks for what was written.</summary>
        public ZeroedPages? Zeroed { get; } = (Modes & RegisterModes.WriteProtect) != 0 ? new ZeroedPages(Region.Pages) : null;

        /// <summary>True if its pages come from a source; where only writes are watched, memory is as it is.</summary>
        public bool IsFilled => (Modes & (RegisterModes.Missing | RegisterModes.Minor)) != 0;

        /// <summary>What a call has filled from a page on.</summary>
        public void Receive(long page, IoctlResult result) => Received.Set(page, result.BytesDone >> PageSize.BaseShift);
    }
}
