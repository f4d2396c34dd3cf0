using UffdActors.Abi;
using UffdActors.Dispatch;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>
/// The monitor's side of a descriptor (RING R9): reads until there is nothing to read, applies events to its view of the regions, and only
/// then hands faults to handlers, by page, so that all faults of a page meet in one place. Reads on
/// however many faults are outstanding, unless <see cref="MaxOutstanding"/> limits them.
/// </summary>
/// <remarks>Pure but for what it reads; lives in the turns of the context's actor. Only <see cref="View"/> is read by others.</remarks>
internal class FaultReader
{
    private readonly IUffdDescriptor _descriptor;
    private readonly HandlerSlot[] _handlers;
    private readonly RequestPool _pool;
    private readonly OutstandingPages _outstanding = new();
    private readonly FaultWatch? _watch;
    private readonly List<PageRequest> _fresh = [];
    private PageRequest? _firstFresh;
    private readonly StrayFaults _strays = new();
    private readonly WaitingThreads _waits = new();
    private readonly LatestFills _filled = new();
    private readonly Dictionary<ulong, (int Count, Errno Error)> _streaks = [];
    private readonly CrashingPages _crashing;
    private readonly PushGates _gates = new();
    private readonly FaultRecovery _recovery;
    private readonly EventView _regions;
    private readonly RingTime _time;
    private long _nextId;
    private bool _partsUnmapped;
    private volatile bool _isHeldBack;
    private bool _readsOn;

    public FaultReader(IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int crashLimit)
    {
        _descriptor = descriptor;
        _watch = descriptor.Watch;
        _handlers = handlers;
        _regions = new EventView(view);
        _time = time;
        _pool = new RequestPool(handlers.Length);
        _crashing = new CrashingPages(crashLimit);
        _recovery = new FaultRecovery(this, _outstanding, _crashing, time);
    }

    /// <summary>The userfaultfd that is read.</summary>
    public IUffdDescriptor Descriptor => _descriptor;

    /// <summary>Whether the memory is still there.</summary>
    public OwnerWatch Owner { get; set; } = new();

    /// <summary>Troubles that its pages wait out.</summary>
    public Outages Outages { get; set; } = new(new SourceTerms(new Patience(TimeSpan.FromSeconds(30), Resumes: false)));

    /// <summary>What the embedder wants to do before a protected page is given to a writer: region and page. Null for nothing.</summary>
    public Action<int, long>? BeforeWrite { get; set; }

    /// <summary>Notices code of the embedder that does not return; null without that watch.</summary>
    public ForeignCalls? Calls { get; init; }

    /// <summary>How long each thread waits; null if that is not recorded.</summary>
    public ThreadLatencies? Latencies { get; init; }

    /// <summary>The protection of a page for which <see cref="BeforeWrite"/> has thrown is cleared; otherwise it stays.</summary>
    public bool ClearIfHookFails { get; init; }

    /// <summary>
    /// Pages that are resolved at a time: with as many outstanding nothing is read, and faults wait in the kernel. At least 1.
    /// </summary>
    public int MaxOutstanding { get; init; } = int.MaxValue;

    /// <summary>True while faults, and the events behind them, are left in the kernel. Any thread.</summary>
    public bool IsHeldBack => _isHeldBack;

    /// <summary>Grows with every event that has been applied: what was decided before it has to be decided anew. Any thread.</summary>
    public long EventEpoch => _regions.Epoch;

    /// <summary>What came by.</summary>
    public FaultCounters Counters { get; } = new();

    /// <summary>Pages that are being resolved.</summary>
    public int Outstanding => _outstanding.Count;

    /// <summary>Pages that are held back because handlers crash on them.</summary>
    public IReadOnlyCollection<ulong> Quarantined => _crashing.Held;

    /// <summary>Adds a region, before its faults can come.</summary>
    public void Add(ServedRegion region) => _regions.Add(region);

    /// <summary>
    /// Adds a region that is registered while others are served. Something that lay there before, and of whose end no event has told, is
    /// gone.
    /// </summary>
    /// <returns>True if something was served there.</returns>
    public bool Register(IReadOnlyList<ServedRegion> regions)
    {
        bool wasServed = false;
        foreach (ServedRegion region in regions)
        {
            wasServed |= Unmapped(PageSize.AddressOf(region.Range.Start), PageSize.AddressOf(region.Range.End), seen: null);
            Add(region);
        }

        return wasServed;
    }

    /// <summary>True if threads are left asleep at addresses in no region.</summary>
    public bool HasStraySleepers => _strays.HasSleepers;

    /// <summary>The faults at addresses in no region; in turns of the context.</summary>
    public StrayFaults Strays => _strays;

    /// <summary>
    /// A range is not mapped any more, and no event need say so: the embedder has unmapped it, or a fill has met nothing there.
    /// </summary>
    /// <param name="start">First address.</param>
    /// <param name="end">First address behind it.</param>
    /// <param name="seen">What was served there then; null if it is gone for sure.</param>
    /// <returns>False if nothing is served there, by the events read so far, or something else is.</returns>
    public bool Unmapped(ulong start, ulong end, ServedRegion? seen)
    {
        PageRange range = Range(start, end);
        if (seen is not null && (_regions.Now.Find(range.Start) is not { } now || now.Id != seen.Id || now.Base != seen.Base)) return false;
        _descriptor.Unmapped(start, end);
        bool wasServed = _regions.Forget(range);
        if (wasServed) DropGone();
        // The kernel does not wake threads that sleep on an address that has gone.
        _descriptor.Wake(start, end);
        return wasServed;
    }

    /// <summary>A fill has succeeded in full, and has woken the page's threads in this turn.</summary>
    public void Completed(PageRequest request)
    {
        Counters.Count(request);
        if (_streaks.Count > 0) _ = _streaks.Remove(request.Address);
        if (Outages.Fills.IsOn) OnSucceeded(Outages.Fills, request);
        if (_crashing.Passed(request.Address)) OnSucceeded(Outages.Crashes, request);
        RegionPages pages = request.Region.Pages;
        if (request.Fill.Kind == FillKind.Poison) pages.Poison(request.Page, request.Pages);
        else pages.Fill(request.Page, request.Pages, request.Content == SourceContent.Zero, request.Fill.Kind == FillKind.Continue);
        // Installed protected, the page may have met a writer already; or it was taken away again. What such a thread faulted on is not
        // what was filled.
        if (Leave(request) && request.HasLateWaiters) Wake(request.Address);
        if (request.Thread != 0) _filled.Add(request);
        _pool.Give(request);
        // Nothing is under way any more. On one CPU the thread that was just woken has run before this turn, and has faulted again: to read
        // that now spares a poll.
        if (_outstanding.Count == 0) _descriptor.Look();
    }

    /// <summary>The memory is gone, which has been reported: no fault of it is late any more.</summary>
    public void OwnerGone()
    {
        foreach (PageRequest request in _outstanding.All()) _watch?.Remove(request);
    }

    /// <summary>It has been reported that a page is waited for: that is no fault that is late.</summary>
    public void Paused(PageRequest request) => _watch?.Remove(request);

    /// <summary>A background push wants to begin a chunk: it may when the demands that are outstanding now have been served.</summary>
    public void Await(PushGate gate) => _gates.Await(gate, _outstanding.Count, _nextId);

    /// <summary>A page on which handlers crash has been held back for long enough: its threads fault again.</summary>
    public void HandOutAgain(ulong page) => _recovery.HandOutAgain(page);

    /// <summary>An outage is over: the threads of the pages that have paused in it fault again.</summary>
    public void Release(Outage outage) => _recovery.Release(outage);

    /// <summary>A fault in no region has been held for long enough: its thread looks again.</summary>
    public void OnHeld(ulong address)
    {
        if (_strays.TryLetGo(address)) Wake(address);
    }

    /// <summary>
    /// Lets the threads of pages that were given up fault again: after crashes, a failed source, or a refused fill; and those at unknown
    /// addresses.
    /// </summary>
    public void Recover()
    {
        WakeStrays();
        _recovery.Recover();
    }

    /// <summary>
    /// The embedder takes pages of a region away, wherever they are now, by a call of which no event tells: as if there were one.
    /// </summary>
    public void TakenAway(int region, PageRange pages) => _regions.TakenAway(region, pages);

    /// <summary>Gives up what has paused in pages that a call of the embedder has made accessible.</summary>
    public void Settle(int region, PageRange pages) => _recovery.Settle(region, pages);

    /// <summary>
    /// A fill is refused as long as an event is unread, and the kernel hands out faults before events: so the next read is one of all.
    /// </summary>
    public void ReadOn()
    {
        _readsOn = true;
        _descriptor.Look();
    }

    /// <summary>The requests that are being resolved, in no order; for reports.</summary>
    public IEnumerable<PageRequest> OutstandingRequests() => _outstanding.All();

    /// <summary>The pages that are held back because handlers crash on them; for reports. Any thread.</summary>
    public IEnumerable<Waiter> HeldPages() => _crashing.All().Select(p => p.Value);

    /// <summary>True if a page is served where it is waited for, by the events read so far. Any thread.</summary>
    public bool IsServed(Waiter waiter) =>
        View.Find(PageSize.PageOf(waiter.Address)) is { } served && served.Id == waiter.Region
            && served.PageOf(PageSize.PageOf(waiter.Address)) == waiter.Page;

    /// <summary>A request that has paused is given up: its threads fault again, and it begins anew.</summary>
    public void GiveBack(PageRequest request)
    {
        _ = _streaks.Remove(request.Address);
        _ = Leave(request);
        Wake(request.Address);
        _pool.Give(request);
    }

    private void OnSucceeded(Outage outage, PageRequest request)
    {
        if (outage.Succeeded(Waiter.Of(request), _time.Now)) Release(outage);
    }

    private bool HasRoom()
    {
        if (MaxOutstanding == int.MaxValue) return true;
        int room = _readsOn ? int.MaxValue : MaxOutstanding - _outstanding.Count;
        _isHeldBack = room <= 0;
        if (_isHeldBack) return false;
        _descriptor.Room = room;
        return true;
    }

    private void HandOthers(IFaultRoute route)
    {
        foreach (PageRequest request in _fresh) route.Hand(request);
        _fresh.Clear();
    }

    private void OnFault(in UffdMsg message, FaultTrace? trace, IFaultRoute route)
    {
        long page = PageSize.PageOf(message.Address);
        ServedRegion? region = _regions.Now.Find(page);
        ulong address = region?.HeadOf(message.Address) ?? PageSize.AddressOf(page);
        PageRequest? known = FindOutstanding(address);
        bool isHeld = known is null && _crashing.IsHeld(address);
        if (known is not null || isHeld)
        {
            // Also of a thread that is counted already: the fill may have been installed and have woken it before this fault.
            if (known?.Phase == RequestPhase.Filling) known.HasLateWaiters = true;
            // What such a page has for a request is its address.
            if ((message.ThreadId != 0 && known?.Thread == message.ThreadId && known.Flags == message.Flags)
                || _waits.IsRepeat(message.ThreadId, known?.Id ?? ~(long)address))
            {
                Counters.Repeated++;
                return;
            }
        }
        else if (_filled.Has(address) && _filled.TakeWaiter(address, message, _waits))
        {
            Counters.Repeated++;
            Wake(address);
            return;
        }

        Counters.CountFault(message.Flags);
        if (trace is not null)
        {
            trace.Read = _time.Now;
            trace.Flags = message.Flags;
        }

        if (known is not null)
        {
            known.Waiters++;
            Counters.Merged++;
            Latencies?.Begin(message.ThreadId, known, _time.Now);
            return;
        }

        if (isHeld) return;
        if (region is null)
        {
            OnStray(address, page, message.ThreadId, route);
            return;
        }

        ulong hash = GoldenRatio.ShortHash(address >> region.PageShift) >> 7;
        int handler = _handlers.Length == 1 ? 0 : (int)(hash % (ulong)_handlers.Length);
        PageRequest request =
            _pool.Take(handler, region.UnitPages) ?? new PageRequest(this, _handlers[handler], _time, region.UnitPages);
        request.Begin(_nextId++, address, region, message, trace);
        (request.Streak, request.StreakError) = _streaks.Count > 0 ? _streaks.GetValueOrDefault(address) : default;
        if (Latencies is { } latencies)
        {
            request.Woken = 0;
            latencies.Begin(message.ThreadId, request, _time.Now);
        }

        if ((message.Flags & FaultFlags.Wp) == 0) region.Pages.Demand(request.Page, request.Pages);
        _outstanding.Add(request);
        // The clock is read only for a fault that is not sampled.
        _watch?.Add(request, trace is { Raised: > 0 } ? trace.Raised : _time.Now, message.ThreadId);
        if (_firstFresh is null) _firstFresh = request;
        else _fresh.Add(request);
    }

    private bool Leave(PageRequest request)
    {
        if (!_outstanding.Remove(request)) return false;
        _watch?.Remove(request);
        _gates.Served(request.Id);
        if (request.Waiting is not null) ThreadLatencies.End(request, _time.Now);
        return true;
    }

    private static PageRange Range(ulong start, ulong end) => new(PageSize.PageOf(start), PageSize.PageOf(end));

    /// <summary>The regions as the events read so far have left them. Any thread.</summary>
    [MutationPoint("RING R9")]
    internal virtual RegionView View => _regions.Now;

    /// <summary>Reads everything that is there.</summary>
    [MutationPoint("RING P2")]
    internal virtual void Read(IFaultRoute route)
    {
        bool events = false;
        while (HasRoom() && _descriptor.TryRead(out UffdMsg message, out FaultTrace? trace))
        {
            if (message.Event == UffdEvent.Pagefault)
            {
                OnFault(message, trace, route);
            }
            else
            {
                OnEvent(message);
                if (message.Event == UffdEvent.Fork) route.Forked();
                events = true;
            }

            if (!_descriptor.HasMessages) break;
        }

        if (!_descriptor.HasMessages) _readsOn = false;
        // Faults come out before events however old they are, so what is handed on has been read after both.
        if (_firstFresh is { } first)
        {
            _firstFresh = null;
            route.Hand(first);
            if (_fresh.Count > 0) HandOthers(route);
        }

        if (!events) return;
        if (_partsUnmapped)
        {
            _partsUnmapped = false;
            route.PartsUnmapped();
        }

        WakeStrays();
    }

    /// <summary>The handler is done with a page without having filled it: its threads are woken and look for themselves.</summary>
    [MutationPoint("RING P1, S9")]
    internal virtual void Dismiss(PageRequest request)
    {
        Counters.Dismissed++;
        // Not so if the page is there, or the thread gets its SIGBUS: then it does not fault again.
        if (request.Error == Errno.EEXIST || (request.Error == Errno.EFAULT && request.Fill.Kind is FillKind.Copy or FillKind.Continue))
            _streaks[request.Address] = (request.Streak + 1, request.Error);
        else if (Outages.Fills.IsOn && request.Incarnation == request.Handler.Incarnation)
            Outages.Fills.Forget(Waiter.Of(request), _time.Now);
        if (Leave(request)) Wake(request.Address);
        // A thread that a signal has sent back to the page, and that this wake-up came too early for, looks once more before that counts.
        if (request is { Error: Errno.EEXIST, Streak: 0 } && request.Thread != 0) _filled.Add(request);
        _pool.Give(request);
    }

    /// <summary>
    /// A handler has crashed. The kernel never delivers a fault twice, so its pages are woken: their threads fault again.
    /// </summary>
    /// <returns>The page that is held back because of too many crashes on it, or null.</returns>
    [MutationPoint("RING P15, P20")]
    internal virtual ulong? HandlerCrashed(int handler, PageRequest? during)
    {
        _handlers[handler].NextIncarnation();
        ulong? held = during is not null && _crashing.Crashed(during) ? during.Address : null;
        foreach (PageRequest request in _outstanding.All())
        {
            if (request.Handler.Number != handler) continue;
            _ = Leave(request);
            request.GiveUpClaim();
            Outages.Forget(Waiter.Of(request), _time.Now);
            Counters.Redelivered++;
            Wake(request.Address);
        }

        return held;
    }

    /// <summary>Tries one of the pages that have paused in an outage, one after the other.</summary>
    /// <returns>False if none has paused any more.</returns>
    [MutationPoint("RING P3")]
    internal virtual bool Probe(Outage outage) => _recovery.Probe(outage);

    /// <summary>
    /// Gives up what has paused, or is held back, at addresses where its page is not any more: no thread comes back to it, and a
    /// thread that faults there now must not be taken for one that waits for it.
    /// </summary>
    [MutationPoint("RING S9")]
    internal virtual void DropGone() => _recovery.DropGone();

    /// <summary>The request that is under way for a page: all faults of a page meet there.</summary>
    [MutationPoint("RING R9")]
    internal virtual PageRequest? FindOutstanding(ulong address) => _outstanding.Find(address);

    /// <summary>A fault in no region.</summary>
    [MutationPoint("RING S2")]
    internal virtual void OnStray(ulong address, long page, uint thread, IFaultRoute route)
    {
        Counters.Strays++;
        switch (_strays.Take(address, _descriptor.IsRegistered(page), _time.Now, out TimeSpan delay))
        {
            case StrayStep.Wake:
                Wake(address);
                break;
            case StrayStep.Hold:
                route.Hold(address, delay);
                break;
            case StrayStep.Report:
                route.LeftAsleep(address, thread);
                break;
        }
    }

    /// <summary>
    /// Faults outside every region that was known then: events have come since, so their threads fault again and are looked up anew.
    /// </summary>
    [MutationPoint("RING R9")]
    internal virtual void WakeStrays()
    {
        foreach (ulong address in _strays.Clear()) Wake(address);
    }

    /// <summary>Applies an event to the view, and wakes those who sleep on an address that has gone.</summary>
    [MutationPoint("RING P8, S8")]
    internal virtual void OnEvent(in UffdMsg message)
    {
        Counters.Events++;
        switch (message.Event)
        {
            case UffdEvent.Remove:
                _regions.Removed(Range(message.Start, message.End));
                break;
            case UffdEvent.Unmap:
                _regions.Unmapped(Range(message.Start, message.End));
                break;
            case UffdEvent.Remap:
                _regions.Remapped(Range(message.From, message.From + message.Length), PageSize.PageOf(message.To));
                break;
        }

        // Behind the view: a thread that has seen the epoch sees the view that it stands for.
        _regions.Advance();

        if (message.Event is UffdEvent.Unmap or UffdEvent.Remap) DropGone();

        // The kernel does not wake threads that sleep on an address that has gone.
        if (message.Event == UffdEvent.Unmap)
        {
            _partsUnmapped = true;
            _descriptor.Wake(message.Start, message.End);
        }
        else if (message.Event == UffdEvent.Remap) _descriptor.Wake(message.From, message.From + message.Length);
    }

    /// <summary>Wakes the threads that sleep on a page: anywhere in it, for messages may have exact addresses.</summary>
    [MutationPoint("RING P1, P15, P20")]
    internal virtual void Wake(ulong address)
    {
        ulong bytes = _regions.Now.Find(PageSize.PageOf(address)) is { } region ? 1UL << region.PageShift : PageSize.Base;
        _descriptor.Wake(address, address + bytes);
    }
}
