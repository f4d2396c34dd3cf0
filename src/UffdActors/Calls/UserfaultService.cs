using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Failures;
using UffdActors.Handling;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Prefetch;
using UffdActors.Worlds;

namespace UffdActors.Calls;

/// <summary>
/// What serves a userfaultfd: its reader and handlers, the actors of its page sources, its pushes; and how that ends. The facade has
/// checked the arguments. Safe for any thread; serving and closing have their turns among the calls (<see cref="CallTurns"/>).
/// </summary>
internal sealed class UserfaultService
{
    private readonly VmRoot _root;
    private readonly VmKernel _machine;
    private readonly VmGuest _guest;
    private readonly KernelUserfault _kernel;
    private readonly RegisteredRegions _registered;
    private readonly SlicedCalls _calls;
    private readonly Lock _gate = new();
    private readonly List<IActorRef> _pushes = [];
    private readonly List<IActorRef> _pushSources = [];
    private readonly TaskCompletionSource _ended;
    private (IPageSource Source, IActorRef Actor)? _source;
    private FaultReader? _reader;
    private ServeOptions? _options;
    private int _closed;
    private bool _pushesEnd;

    /// <summary>Makes it; nothing is served before <see cref="ServeAsync"/>.</summary>
    /// <param name="root">The VM's root.</param>
    /// <param name="machine">The VM's kernel.</param>
    /// <param name="guest">The VM's guest.</param>
    /// <param name="kernel">The userfaultfd.</param>
    /// <param name="registered">Its regions.</param>
    /// <param name="calls">The embedder's calls over ranges of them.</param>
    public UserfaultService(
        VmRoot root, VmKernel machine, VmGuest guest, KernelUserfault kernel, RegisteredRegions registered, SlicedCalls calls)
    {
        _root = root;
        _machine = machine;
        _guest = guest;
        _kernel = kernel;
        _registered = registered;
        _calls = calls;
        kernel.Owner.WhenGone(() =>
        {
            _kernel.Actor.Tell(VmProtocol.OwnerGone.Instance, ActorRefs.NoSender);
            foreach (IActorRef push in Pushes()) push.Tell(VmProtocol.OwnerGone.Instance, ActorRefs.NoSender);
        });
        _ended = root.NewCompletion();
        kernel.Ask(Absence);
    }

    /// <summary>The reader of its faults; null before it is served.</summary>
    public FaultReader? Reader => _reader;

    /// <summary>True as soon as closing has begun.</summary>
    public bool IsClosed => Volatile.Read(ref _closed) == 1;

    /// <summary>For the start of every call.</summary>
    /// <exception cref="ObjectDisposedException">The VM has been disposed of, or the userfaultfd closed.</exception>
    public void ThrowIfClosed()
    {
        _root.ThrowIfClosed();
        if (IsClosed) throw ClosedObjects.Userfault();
    }

    /// <summary>Refuses an end while pages of a region are absent.</summary>
    /// <param name="registered">The region.</param>
    /// <param name="range">The pages of it that would end.</param>
    /// <param name="call">What would end, for the message.</param>
    /// <param name="name">Name of the system call.</param>
    /// <exception cref="InvalidOperationException">Pages are absent.</exception>
    public async Task ThrowIfAbsentAsync(RegisteredRegion registered, PageRange range, string call, string name)
    {
        long absent = AbsentPagesOf(registered, range);
        if (absent == 0) return;
        // A thread that has got its page goes on before the fill is heard of: that message is in the mailbox by the end of the first of
        // these, and has been taken by the end of the second.
        await ReadEventsAsync();
        await ReadEventsAsync();
        absent = AbsentPagesOf(registered, range);
        if (absent == 0) return;
        // Then they are absent for good, and no push can mend that.
        _kernel.Owner.ThrowIfGone(name);
        throw new InvalidOperationException(
            $"Region {registered.Region.Id} lacks {absent} of {range.Count} pages; {call} now would turn them into zeros. "
                + $"Finish the push, or abandon them together with the guest.");
    }

    /// <summary>
    /// Refuses to let threads go on that wait while nothing is served: what they wait for has never been asked for, and they would find
    /// zeros.
    /// </summary>
    /// <param name="call">What would do so.</param>
    /// <exception cref="InvalidOperationException">Threads wait.</exception>
    public void ThrowIfWaitedFor(string call)
    {
        if (_reader is not null) return;
        int threads = _kernel.WaitingThreads;
        if (threads == 0 || _kernel.Owner.Look()) return;
        throw new InvalidOperationException(
            $"Threads wait in the userfaultfd ({threads}), which nothing serves; {call} now would show them zeros. Serve it, or abandon it "
                + $"together with the guest.");
    }

    /// <summary>Starts to serve, in its turn.</summary>
    /// <param name="options">How.</param>
    /// <param name="memory">Memory that sources may answer from.</param>
    /// <param name="cancel">Cancels it, if it has not begun.</param>
    public async Task ServeAsync(ServeOptions options, ReadableMemory? memory, CancellationToken cancel)
    {
        ThrowIfClosed();
        if (_reader is not null) throw new InvalidOperationException("The userfaultfd is being served already.");
        cancel.ThrowIfCancellationRequested();
        RegisteredRegion[] regions = Servable(options);
        RegionView view = RegionView.Of(regions.SelectMany(r => r.Served()));
        HandlerSlot[] slots = [.. Enumerable.Range(0, options.Handlers).Select(i => new HandlerSlot(i, _kernel.NewMonitorThread()))];
        FaultReader reader = new(_kernel.Descriptor, slots, view, _root.Context.Time, _root.Settings.HandlerCrashLimit)
        {
            BeforeWrite = options.BeforeWrite,
            ClearIfHookFails = options.ClearIfHookFails,
            Outages = new Outages(TermsOf(options, memory)),
            Owner = _kernel.Owner,
            Calls = _root.Calls,
            MaxOutstanding = options.MaxOutstanding ?? int.MaxValue,
            Latencies = LatenciesOf(options),
        };
        SourceWatch watch = reader.Outages.Of(options.Source);
        IActorRef? source = options.SourceActor || !watch.AnswersAtOnce ? await _root.StartSourceAsync(watch) : null;
        if (_root.Calls is { } calls) foreach (HandlerSlot slot in slots) calls.Add(slot.Call);
        _kernel.Serve(reader);
        HandlerOptions[] handlers =
            [.. slots.Select(slot => new HandlerOptions(slot, reader, _kernel.Actor, options.Source, source, options.PoisonLostPages))];
        await _root.StartHandlersAsync(reader, _kernel.Actor, handlers);
        // Abandoned meanwhile: what is closed is not served.
        ThrowIfClosed();
        if (source is not null) _source = (options.Source, source);
        _options = options;
        _reader = reader;
        foreach (RegisteredRegion registered in regions) registered.Region.Reader = reader;
        _calls.Served();
        foreach (RegisteredRegion registered in regions.Where(r => r.Region.IsUnmapped)) await ForgetAsync(registered.Region);
        if (!_kernel.IsTakenOver) return;
        // Faults that were read elsewhere come again, and only here.
        foreach (RegisteredRegion registered in regions) WakeOnce(registered.Region);
    }

    /// <summary>The reader learns of a region that is about to be registered, before its first fault can come.</summary>
    /// <exception cref="InvalidOperationException">It cannot be served.</exception>
    public Task BeginServingAsync(RegisteredRegion registered)
    {
        ThrowIfUnservable(_options!, registered);
        registered.ThrowIfReadAsZeros();
        TaskCompletionSource done = _root.NewCompletion();
        _kernel.Actor.Tell(new VmProtocol.Registering(registered.Served(), done), ActorRefs.NoSender);
        return _root.OrFailed(Task.WhenAny(done.Task, _ended.Task));
    }

    /// <summary>A region has been registered while serving.</summary>
    public void Serves(RegisteredRegion registered)
    {
        registered.Region.Reader = _reader;
        if (_kernel.IsTakenOver) WakeOnce(registered.Region);
    }

    private ThreadLatencies? LatenciesOf(ServeOptions options)
    {
        if (options.ThreadFaultObserver is not { } observer) return options.RecordFaultLatency ? new ThreadLatencies() : null;
        return new ThreadLatencies(
            new GuardedObserver<(int Thread, FaultTrace Fault)>(
                $"{nameof(ServeOptions)}.{nameof(ServeOptions.ThreadFaultObserver)}", told => observer(told.Thread, told.Fault),
                _root.Context.Incidents).Tell);
    }

    /// <summary>Starts the background push of a region.</summary>
    /// <returns>How far it is, how fast it may go, and its actor.</returns>
    public async Task<(PushProgress Progress, PushRate Rate, IActorRef Push)> PushAsync(
        RegisteredRegion registered, IPageSource source, PrefetchOptions options, CancellationToken cancel)
    {
        FaultReader reader = _reader ?? throw new InvalidOperationException("Serve the userfaultfd before pushing.");
        cancel.ThrowIfCancellationRequested();
        PushProgress progress = new(_root.NewCompletion());
        // Demand and push meet in one mailbox, if they come from one source.
        IActorRef actor = _source is var (served, asked) && ReferenceEquals(served, source)
            ? asked
            : await _root.StartSourceAsync(reader.Outages.Of(source));
        // Whole pages of the region, at least one.
        int chunk = Math.Max(_root.Settings.PushChunkPages / registered.Unit, 1) * registered.Unit;
        PushRate rate = new() { BytesPerSecond = options.BytesPerSecond };
        MonitorThread? own = options.OnOwnThread ? _kernel.NewPushThread() : null;
        IActorRef push = await _root.StartPushAsync(
            new PushOptions(
                reader, _kernel.Actor, own ?? _kernel.NewMonitorThread(), actor, registered.Region.Id, registered.Pages, progress, chunk,
                registered.Unit, reader.Outages.Of(source), options.Order, WindowOf(options, reader.Outages.Of(source), chunk), rate,
                OnOwnThread: own is not null, IsHeld: options.StartsPaused, KeepsHoles: options.KeepsHoles));
        bool isClosing;
        lock (_gate)
        {
            isClosing = _pushesEnd;
            if (!isClosing) _pushes.Add(push);
            if (!isClosing && actor != _source?.Actor) _pushSources.Add(actor);
        }

        if (isClosing)
        {
            // It would go on with a userfaultfd that is closed.
            await _root.StopAsync(actor == _source?.Actor ? [push] : [push, actor]);
            throw ClosedObjects.Userfault();
        }

        _kernel.Actor.Tell(new VmProtocol.PushBegun(push), ActorRefs.NoSender);
        // It may have been told before this one was known.
        if (_kernel.Owner.Look()) push.Tell(VmProtocol.OwnerGone.Instance, ActorRefs.NoSender);
        return (progress, rate, push);
    }

    /// <summary>Lets pages that had been given up be tried again.</summary>
    public void Recover()
    {
        _reader?.Outages.Recover(_root.Context.Time.Now);
        _kernel.Actor.Tell(VmProtocol.Recover.Instance, ActorRefs.NoSender);
        foreach (IActorRef push in Pushes()) push.Tell(VmProtocol.Recover.Instance, ActorRefs.NoSender);
        // Orders without an answer are given again at once.
        _source?.Actor.Tell(VmProtocol.Recover.Instance, ActorRefs.NoSender);
        lock (_gate)
        {
            foreach (IActorRef source in _pushSources) source.Tell(VmProtocol.Recover.Instance, ActorRefs.NoSender);
        }
    }

    /// <summary>A region has been unmapped: its pages are not served any more, whether or not an event tells of it.</summary>
    public Task ForgetAsync(GuestRegion region) =>
        _registered.TryFind(region) is null ? Task.CompletedTask : ForgetAsync(region, new PageRange(0, region.Pages));

    /// <summary>Pages of a region are not served any more.</summary>
    public async Task ForgetAsync(GuestRegion region, PageRange pages)
    {
        if (_reader is null) return;
        TaskCompletionSource done = _root.NewCompletion();
        _kernel.Actor.Tell(new VmProtocol.Unmapped(region.AddressOf(pages.Start), region.AddressOf(pages.End), done), ActorRefs.NoSender);
        await _root.OrFailed(Task.WhenAny(done.Task, _ended.Task));
        _kernel.AwaitFills();
    }

    /// <summary>How long each thread has waited.</summary>
    /// <exception cref="InvalidOperationException">That is not recorded.</exception>
    public Task<IReadOnlyList<FaultLatency>> LatenciesAsync(CancellationToken cancel)
    {
        if (_reader?.Latencies is not { } latencies)
            throw new InvalidOperationException(
                $"How long threads wait is not recorded; serve with {nameof(ServeOptions)}.{nameof(ServeOptions.RecordFaultLatency)}.");
        TaskCompletionSource<IReadOnlyList<FaultLatency>> done = _root.NewCompletion<IReadOnlyList<FaultLatency>>();
        _kernel.Actor.Tell(new VmProtocol.ReadLatencies(latencies, done), ActorRefs.NoSender);
        return _root.OrFailed(done.Task.WaitAsync(cancel));
    }

    /// <summary>
    /// A call has made pages accessible, and woken their threads: what has paused there must not be in the way of their next fault.
    /// </summary>
    public Task SettleAsync(GuestRegion region, PageRange pages)
    {
        if (pages.IsEmpty || _reader is not { Outstanding: > 0 }) return Task.CompletedTask;
        TaskCompletionSource done = _root.NewCompletion();
        _kernel.Actor.Tell(new VmProtocol.Settled(region.Id, pages, done), ActorRefs.NoSender);
        return _root.OrFailed(Task.WhenAny(done.Task, _ended.Task));
    }

    /// <summary>
    /// The embedder is about to take pages of a region away. Where no event tells of it that is noted now, so that they do not come back
    /// from the source.
    /// </summary>
    public async Task AnnounceRemovalAsync(GuestRegion region, PageRange pages)
    {
        if (_reader is null || _registered.TryFind(region) is null || !_kernel.LacksRemoveEvents(region)) return;
        TaskCompletionSource done = _root.NewCompletion();
        _kernel.Actor.Tell(new VmProtocol.TakenAway(region.Id, pages, done), ActorRefs.NoSender);
        await _root.OrFailed(Task.WhenAny(done.Task, _ended.Task));
    }

    /// <summary>Reads the events that there are.</summary>
    public Task ReadEventsAsync()
    {
        if (_reader is null) return Task.CompletedTask;
        TaskCompletionSource done = _root.NewCompletion();
        _kernel.Actor.Tell(new VmProtocol.ReadEvents(done), ActorRefs.NoSender);
        // A context that has ended meanwhile reads nothing and answers nothing.
        return _root.OrFailed(Task.WhenAny(done.Task, _ended.Task));
    }

    /// <summary>Closes it in its turn, unless something is absent.</summary>
    /// <exception cref="InvalidOperationException">Pages are absent, or threads sleep in no region.</exception>
    public async Task CloseAsync(CancellationToken cancel)
    {
        foreach (RegisteredRegion registered in _registered.All)
            await ThrowIfAbsentAsync(registered, new PageRange(0, registered.Region.Pages), "closing", "close");
        if (_reader is { HasStraySleepers: true } && !_kernel.Owner.Look())
        {
            throw new InvalidOperationException(
                "Threads sleep at addresses in no region (incident UnknownAddress); closing now would show them zeros. Unmap or "
                    + "unregister the range and recover, or abandon it together with the guest.");
        }

        // What another has registered with one that was taken over is not known here.
        if (_kernel.IsTakenOver || _registered.All.Any(r => r.IsReadAsZeros)) ThrowIfWaitedFor("closing");
        cancel.ThrowIfCancellationRequested();
        // From here on it goes on to its end, also if no caller waits for it any more.
        await CloseForGoodAsync(ClosingReason.NothingIsAbsent).WaitAsync(cancel);
    }

    /// <summary>Waits for the end of a closing that another call has begun.</summary>
    public Task ClosedAsync(CancellationToken cancel) => _root.OrFailed(_ended.Task.WaitAsync(cancel));

    /// <summary>Gives up what is absent: the guest is stopped, then the push, then it is closed.</summary>
    public async Task AbandonAsync(AbsentPages absent)
    {
        await _guest.StopAsync();
        await StopAndCloseAsync(absent);
    }

    /// <summary>Stops the push first, and closes it.</summary>
    public async Task StopAndCloseAsync(AbsentPages absent)
    {
        await EndPushesAsync();
        await CloseForGoodAsync(absent == AbsentPages.ReadAsZeros ? ClosingReason.LossIsTaken : ClosingReason.GivenUp);
    }

    // What is to be served, if it can be.
    private RegisteredRegion[] Servable(ServeOptions options)
    {
        if (options.PoisonLostPages) _guest.AllowPoison();
        foreach (RegisteredRegion registered in _registered.All)
        {
            ThrowIfUnpoisonable(options, registered);
            ThrowIfUnservable(options, registered);
        }

        _kernel.Owner.ThrowIfGone("UFFDIO_CONTINUE");
        RegisteredRegion[] regions = _registered.Mapped();
        foreach (RegisteredRegion registered in regions) registered.ThrowIfReadAsZeros();
        return regions;
    }

    /// <summary>Refuses a region that lost pages could not be poisoned in; known once it is registered.</summary>
    /// <exception cref="InvalidOperationException">It takes no poison, and is to.</exception>
    public void ThrowIfUnpoisonable(RegisteredRegion registered) => ThrowIfUnpoisonable(_options!, registered);

    private static void ThrowIfUnpoisonable(ServeOptions options, RegisteredRegion registered)
    {
        if (options.PoisonLostPages && registered.IsFilled && (registered.Ioctls & UffdIoctls.Poison) == 0)
            throw new InvalidOperationException(
                $"Region {registered.Region.Id} ({registered.Region.Module ?? "anonymous memory"}) takes no poison; "
                + "serve without PoisonLostPages.");
    }

    private void ThrowIfUnservable(ServeOptions options, RegisteredRegion registered)
    {
        // The hook is there to read what a page holds; that it cannot must not be found out in the ring.
        if (options.BeforeWrite is not null && (registered.Modes & RegisterModes.WriteProtect) != 0)
            _machine.ThrowIfUnreadable(registered.Region);
    }

    // What is asked of its page sources.
    private SourceTerms TermsOf(ServeOptions options, ReadableMemory? memory)
    {
        Patience patience = new(
            options.SourcePatience ?? _root.Settings.SourcePatience,
            (options.Resume ?? _root.Settings.SourceResume) == SourceResume.Auto);
        ContentKind content = _machine.Content;
        return new SourceTerms(
            patience, _root.Context.Incidents, memory, _kernel.Descriptor.MayFaultAt, content != ContentKind.Stamps,
            content != ContentKind.Bytes, AsksAgain: true, _root.Calls);
    }

    private int WindowOf(PrefetchOptions options, SourceWatch source, int chunkPages)
    {
        if (source.AnswersAtOnce) return 1;
        long bytes = options.WindowBytes ?? _root.Settings.PushWindowBytes;
        return (int)Math.Max(1, bytes / ((long)chunkPages << PageSize.BaseShift));
    }

    private Absence Absence()
    {
        RegisteredRegion[] filled = [.. _registered.All.Where(r => r.IsFilled && !r.Region.IsUnmapped)];
        return new Absence(
            string.Join(", ", filled.Select(r => r.Region.Id)), filled.Sum(r => AbsentPagesOf(r, new PageRange(0, r.Region.Pages))),
            IsUnknown: _kernel.IsTakenOver && _reader is null);
    }

    // Before it is served it is not known what is absent.
    private long AbsentPagesOf(RegisteredRegion registered, PageRange range) =>
        _reader is { } reader ? registered.AbsentPages(reader.View, range) : 0;

    private void WakeOnce(GuestRegion region) => _kernel.Descriptor.Wake(region.Address, region.Address + region.Bytes);

    // A call on a userfaultfd that is closed would be reported as one that went wrong, and tried on and on.
    private Task EndPushesAsync()
    {
        lock (_gate)
        {
            if (_pushesEnd) return Task.CompletedTask;
            _pushesEnd = true;
        }

        return _root.StopAsync(Pushes());
    }

    private IActorRef[] Pushes()
    {
        lock (_gate) return [.. _pushes];
    }

    // One that is given up may have to stay open for its guest.
    private async Task<bool> WillCloseAsync(ClosingReason reason)
    {
        if (reason != ClosingReason.GivenUp) return true;
        // Whose threads they are that fault is known when their faults have been read.
        await ReadEventsAsync();
        return _kernel.WillClose(reason);
    }

    private async Task CloseForGoodAsync(ClosingReason reason)
    {
        if (Interlocked.Exchange(ref _closed, 1) == 1) return;
        _calls.Close();
        try
        {
            await EndPushesAsync();
            // What was taken over, its other owner may keep.
            if (!_kernel.IsTakenOver)
                await SlicedClose.PrepareAsync(_root, _kernel, _registered.All, () => WillCloseAsync(reason), _calls.AfterSlice);
            _kernel.Closes(reason);
            await _kernel.CloseAsync(CancellationToken.None);
        }
        finally
        {
            _ = _ended.TrySetResult();
        }
    }
}
