using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.PageSources;

namespace UffdActors.Actors;

/// <summary>
/// The background lane: fills what nobody has asked for yet, chunk after chunk. One chunk is in flight, and the next one begins only when
/// the demands that had been raised by then are served: a demand waits behind one chunk at the most (<see cref="PushGate"/>).
/// </summary>
/// <remarks>
/// States: waiting for demands; asking the source for a chunk; filling its pieces one after the other; waiting after a refusal; paused
/// after a source that kept failing or a pool that stayed empty, until recover; done when every page has been received; ended when what is
/// left to bring has been unmapped, or is refused for good, which whoever waits is told. A piece that meets pages which a demand has filled
/// meanwhile goes on behind them. In a region of larger pages every piece is one page of the region, gathered from the answers about its
/// parts.
/// </remarks>
internal class PushActor : UntypedActor
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    private readonly VmContext _vm;
    private readonly PushOptions _options;
    private readonly IPageFill _fill;
    private readonly PushOrder _order;
    private readonly Queue<PushPiece> _pieces = new();
    private readonly PageGather? _gather;
    private readonly int _unit;
    private PushGate? _gate;
    private PushPiece _piece;
    private long _nextGathered;
    private SourceContent _content;
    private bool _pageByPage;
    private bool _meetsMarker;
    private bool _meetsHole;
    private ulong _takenForCached;
    private bool _isProbe;
    private long _cursor;
    private long _base;
    private long _decidedOn;
    private int _attempts;
    private readonly Outage _outage;
    private readonly Outage _fills;
    private readonly Waiter _self;
    private bool _paused;
    private bool _hasFailed;
    private int _pauses;
    private int _probes;
    private bool _ended;
    // Pages that are passed over, because no retry can fill them.
    private PageBitmap? _refused;
    private FillKind _refusedKind;
    private Errno _refusedError;
    private long _leftToDemand = -1;

    public PushActor(VmContext vm, PushOptions options)
    {
        _vm = vm;
        _options = options;
        _fill = options.Thread.NewFill(null);
        _outage = options.Watch?.Outage ?? options.Reader.Outages.Unnamed;
        _fills = options.Reader.Outages.Fills;
        _self = Waiter.Push(options.Region);
        _order = new PushOrder(Self, options.Region, new NativeBuffer((long)options.ChunkPages << PageSize.BaseShift));
        _unit = options.UnitPages;
        _gather = _unit > 1 ? new PageGather(_unit) : null;
    }

    /// <summary>The fill of the piece at hand.</summary>
    protected IPageFill PieceFill => _fill;

    /// <summary>Base pages of the piece that are left.</summary>
    protected int PagesLeft => _piece.Pages;

    public static Props Props(VmContext vm, PushOptions options) =>
        Akka.Actor.Props.Create<PushActor>(vm, options).WithDispatcher(vm.DispatcherId);

    protected override void OnReceive(object message)
    {
        if (_hasFailed)
        {
            // A call that is under way goes on to its end, and what has come of it is nobody's business any more.
            if (message is IPageFill late) _ = late.Advance();
            else if (message is Operation unwaited) unwaited.Step();
            return;
        }

        switch (message)
        {
            case IPageFill late when _ended:
                // Issued before. That the memory is gone is to be known all the same.
                if (late.Advance() && late.Error == Errno.ESRCH) _options.Reader.Owner.Gone();
                break;
            case not Operation when _ended:
                break;
            case VmProtocol.OwnerGone:
                OnOwnerGone();
                break;
            case VmProtocol.PartsUnmapped:
                if (NextWanted(0) >= _options.Pages.Received.Pages) End();
                break;
            case VmProtocol.Resume:
                if (_piece.Pages > 0) Issue();
                else Next();
                break;
            case PushGate gate:
                OnGate(gate);
                break;
            case PushOrder order:
                OnChunk(order);
                break;
            case VmProtocol.Recover:
                _refused = null;
                _leftToDemand = -1;
                GoOnAfterPause();
                break;
            case VmProtocol.ProbePush probe:
                if (probe.Pause == _pauses) GoOnAfterPause();
                break;
            case IPageFill fill:
                if (fill.Advance()) OnFilled();
                break;
            case Operation operation:
                // A call whose end nobody waits for.
                operation.Step();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    // Whoever waits for the push is told.
    protected override void PostStop()
    {
        _options.Thread.Exit();
        _outage.Forget(_self, _vm.Time.Now);
        _fills.Forget(_self, _vm.Time.Now);
        _ = _options.Progress.Finished.TrySetException(
            new VmFailedException($"The background push of region {_options.Region} of {_vm.Name} was stopped before it had ended."));
        base.PostStop();
    }

    private void Next()
    {
        if (_options.Reader.Owner.IsGone)
        {
            OnOwnerGone();
            return;
        }

        _cursor = NextWanted(_cursor);
        if (_cursor >= _options.Pages.Received.Pages)
        {
            if (NextWanted(0) >= _options.Pages.Received.Pages)
            {
                End();
                return;
            }

            // What was passed over is being filled on demand; look again, until nothing is missing.
            _cursor = 0;
            Delay();
            return;
        }

        // Demand first. Only one whose page cannot be had (its source fails, its fill is refused) is not waited for for ever.
        _gate = new PushGate(Self);
        _options.Context.Tell(_gate, ActorRefs.NoSender);
        _vm.Time.After(Patience, Self, _gate);
    }

    private void OnGate(PushGate gate)
    {
        if (gate != _gate) return;
        _gate = null;
        PageBitmap received = _options.Pages.Received;
        _cursor = NextWanted(_cursor);
        if (_cursor >= received.Pages || RegionOf(_cursor) is not { } region)
        {
            Next();
            return;
        }

        int pages = 1;
        long end = region.PageOf(region.Range.End);
        while (pages < _options.ChunkPages && _cursor + pages < end && !received.Contains(_cursor + pages)) pages++;
        _order.Begin(_cursor, pages);
        _cursor += pages;
        _options.SourceActor.Tell(_order, ActorRefs.NoSender);
    }

    private void OnChunk(PushOrder order)
    {
        if (order.Failure is { } failure)
        {
            _cursor = order.FirstPage;
            if (failure is PageLostException) OnPageLost(order, failure);
            else WaitOut(_outage, failure.Message, failure);
            return;
        }

        if (_outage.IsOn) OnSucceeded(_outage);
        if (_gather is null)
        {
            foreach (PushPiece piece in order.Pieces) _pieces.Enqueue(piece);
        }

        _nextGathered = order.FirstPage;
        NextPiece();
    }

    private void NextPiece()
    {
        _pageByPage = false;
        _meetsHole = false;
        _takenForCached = 0;
        if (_gather is { } gather ? TryGather(gather) : _pieces.TryDequeue(out _piece)) Issue();
        else Next();
    }

    /// <summary>Puts the next larger page of the chunk together.</summary>
    private bool TryGather(PageGather gather)
    {
        _piece = default;
        if (_nextGathered >= _order.FirstPage + _order.Pages) return false;
        gather.Begin(_nextGathered, _order.Buffer, (_nextGathered - _order.FirstPage) << PageSize.BaseShift);
        foreach (PushPiece part in _order.Pieces) _ = gather.Add(part.FirstPage, part.Pages, part.Content, part.Address);
        _piece = new PushPiece(_nextGathered, _unit, gather.Content, gather.Data);
        _nextGathered += _unit;
        return true;
    }

    /// <summary>Fills the piece, or what is left of it, by what the reader knows in this very turn (RING R9).</summary>
    private void Issue()
    {
        // First the epoch, then the view: an event that comes in between makes the fill start over.
        _decidedOn = _options.Thread.ChangeEpoch;
        ServedRegion? region = RegionOf(_piece.FirstPage);
        if (region is null)
        {
            // Unmapped: nobody will ever ask for these pages, and they are not there.
            Skip((int)Math.Min(_piece.Pages, NextWanted(_piece.FirstPage) - _piece.FirstPage));
            GoOn();
            return;
        }

        long page = region.Base + _piece.FirstPage;
        int count = (int)Math.Min(_piece.Pages, region.Range.End - page);
        _content = _piece.Content;
        if (region.Pages.HasRemoved) count = DropRemoved(region, count);
        if (region.IsProtected) count = region.Pages.SameProtection(_piece.FirstPage, count);
        if (_pageByPage || _meetsMarker || (_meetsHole && region.By == ResolveBy.Continue)) count = _unit;
        ulong length = (ulong)count << PageSize.BaseShift;

        if (region.By == ResolveBy.ContinueAsIs && !(_meetsHole && region.CopiesHoles))
        {
            Begin(region, FillKind.Continue, page, length, FillSource.Zero);
        }
        else if (region.By == ResolveBy.Continue && !_meetsHole)
        {
            count = ClaimAndWrite(region.Alias!, count, _content);
            if (count == 0) return;
            if (_meetsHole)
            {
                Issue();
                return;
            }

            length = (ulong)count << PageSize.BaseShift;
            Begin(region, FillKind.Continue, page, length, FillSource.Zero);
        }
        else if (_content == SourceContent.Zero)
        {
            FillKind kind = region.ZeroFill(_meetsMarker);
            _meetsMarker = false;
            Begin(region, kind, page, length, FillSource.Zero);
        }
        else
        {
            Begin(region, FillKind.Copy, page, length,
                _content == SourceContent.Stamp ? FillSource.Stamp((uint)_piece.Address) : FillSource.Buffer(_piece.Address));
        }
    }

    /// <summary>What was removed is zeros, whatever the source has.</summary>
    /// <returns>Base pages at the front of the piece with one kind of content.</returns>
    private int DropRemoved(ServedRegion region, int count)
    {
        if (_gather is { } gather)
        {
            gather.Drop(region.Pages);
            _content = gather.Content;
            _piece = _piece with { Content = gather.Content, Address = gather.Data };
            return count;
        }

        bool removed = region.Pages.IsRemoved(_piece.FirstPage);
        int same = 1;
        while (same < count && region.Pages.IsRemoved(_piece.FirstPage + same) == removed) same++;
        if (removed) _content = SourceContent.Zero;
        return same;
    }

    /// <summary>Writes pages of the cache that nobody else has claimed; as many as go in one piece.</summary>
    private int ClaimAndWrite(AliasPages alias, int count, SourceContent content)
    {
        int ready = 0;
        for (; ready < count; ready += _unit)
        {
            long page = _piece.FirstPage + ready;
            if (alias.IsWritten(page)) continue;
            if (!alias.TryClaim(page)) break;
            nint bytes = _piece.Address + (ready << PageSize.BaseShift);
            ulong address = PageSize.AddressOf(alias.FirstPage + page);
            if (content != SourceContent.Zero && !_options.Thread.TryWriteAlias(address, bytes, _unit << PageSize.BaseShift))
            {
                // The alias was populated, and has nothing there any more: a hole was punched, which COPY fills. The page stays claimed
                // meanwhile.
                if (ready == 0 && _unit == 1)
                {
                    _meetsHole = true;
                    return _unit;
                }

                // Or the pool of huge pages is empty; a handler can wait for that, the background leaves the page to it.
                alias.Unclaim(page);
                break;
            }

            alias.MarkWritten(page);
        }

        if (ready > 0) return ready;
        Skip(_unit);
        GoOn();
        return 0;
    }

    private void Begin(ServedRegion region, FillKind kind, long page, ulong length, FillSource source)
    {
        _fill.DecideOn(_decidedOn);
        _fill.Begin(kind, PageSize.AddressOf(page), length, source, region.FillModesOf(_piece.FirstPage));
        if (_vm.SplitsTurns) Self.Tell(_fill, ActorRefs.NoSender);
        else if (_fill.Advance()) OnFilled();
    }

    /// <summary>The fill has ended: goes on behind what it did, or tries again later.</summary>
    protected virtual void OnFilled()
    {
        if (_isProbe)
        {
            OnProbed();
            return;
        }

        if (_meetsHole && RegionOf(_piece.FirstPage) is { Alias: { } holed } && OnHoleCopied(holed))
        {
            GoOn();
            return;
        }

        if (_fill.Out is > 0)
        {
            _attempts = 0;
            if (_fills.IsOn) OnSucceeded(_fills);
            Count((int)(_fill.Out.Value >> PageSize.BaseShift));
        }

        switch (_fill.Error)
        {
            case Errno.None:
                break;
            case Errno.EAGAIN when _fill.Out > 0:
                break;
            case Errno.EEXIST when _fill.Kind == FillKind.ZeroPage:
                // No more than that the entry is not empty, and a marker is no page: COPY of this one page tells the two apart.
                _meetsMarker = true;
                break;
            case Errno.EEXIST when _meetsHole && _unit == 1:
                _meetsHole = false;
                // A page of the cache behind a hole: it is mapped as it is. Or a page of a private mapping, of which the cache has nothing:
                // then CONTINUE gives EFAULT again (asked of Linux 6.18.44), and this comes a second time.
                if (_takenForCached == _fill.Start) OnPresent();
                _takenForCached = _fill.Start;
                break;
            case Errno.EEXIST when _unit > 1 && _fill.Kind == FillKind.Copy && RegionOf(_piece.FirstPage) is { } part:
                // A page that is there, or an empty pool of huge pages, which answers the same. CONTINUE takes nothing from the pool.
                _isProbe = true;
                Begin(part, FillKind.Continue, PageSize.PageOf(_fill.Start), (ulong)_unit << PageSize.BaseShift, FillSource.Zero);
                return;
            case Errno.EEXIST:
                OnPresent();
                break;
            case Errno.ENOMEM:
                _pieces.Clear();
                _cursor = _piece.FirstPage;
                _piece = default;
                WaitOut(_fills, $"{_fill.Kind} of the page at 0x{_fill.Start:x} gives ENOMEM again and again", null);
                return;
            case Errno.EAGAIN:
                Delay();
                return;
            case Errno.ESRCH:
                OnOwnerGone();
                return;
            case Errno.ENOENT when _fill.Length > (ulong)_unit << PageSize.BaseShift:
                // A part of the range is gone, and the rest of it is still wanted: page by page from here on.
                _pageByPage = true;
                break;
            case Errno.ENOENT:
                // Unmapped by somebody who asked for no event. It is not there, so it does not count.
                _options.Context.Tell(
                    new VmProtocol.Unmapped(_fill.Start, _fill.Start + _fill.Length, null, RegionOf(_piece.FirstPage)), ActorRefs.NoSender);
                Skip(_unit);
                break;
            case Errno.EFAULT when _fill.Kind == FillKind.Copy && _content == SourceContent.Bytes
                && _options.Watch?.CheckAgain(_piece.Address, _unit << PageSize.BaseShift) is { } wrong:
                _cursor = _piece.FirstPage;
                _piece = default;
                _pieces.Clear();
                WaitOut(_outage, wrong.Message, wrong);
                return;
            case Errno.EFAULT when _fill.Kind == FillKind.Continue && RegionOf(_piece.FirstPage) is { Alias: { } alias } region:
                OnHole(alias, region.Pages.IsRemoved(_piece.FirstPage, _unit));
                break;
            case Errno.EFAULT when _fill.Kind == FillKind.Continue && RegionOf(_piece.FirstPage) is { CopiesHoles: true }:
                // From here on by COPY, until that meets a page of the cache.
                _meetsHole = true;
                break;
            case Errno.EINVAL when _fill.Length > (ulong)_unit << PageSize.BaseShift:
                // Where the map is not what was registered, perhaps only at its front.
                _pageByPage = true;
                break;
            case Errno.EINVAL:
                Refuse();
                break;
            default:
                string hole = _fill.Error == Errno.EFAULT && _fill.Kind == FillKind.Continue
                    ? ": its page cache was said to be filled, and has no page there" : "";
                _cursor = _piece.FirstPage;
                _piece = default;
                _pieces.Clear();
                WaitOut(
                    _fills, $"the background {_fill.Kind} of {_fill.Length} bytes at 0x{_fill.Start:x} gives {_fill.Error}{hole}", null);
                return;
        }

        GoOn();
    }

    /// <summary>
    /// What is mapped there takes no such fill: somebody has put other memory in the place of what was registered, and asked for no event.
    /// As a handler does with such a page the push does not try on; it passes it over, and brings the others.
    /// </summary>
    private void Refuse()
    {
        if (_refused is null)
        {
            _vm.Incidents.Report(new Incident(
                IncidentKind.FillRefused,
                $"The background push of region {_options.Region} passes over page {_piece.FirstPage}, and every other one that is "
                + $"refused like it: {_fill.Kind} at 0x{_fill.Start:x} gives {_fill.Error} (other memory may be mapped there than was "
                + "registered)."));
        }

        _refused ??= new PageBitmap(_options.Pages.Received.Pages);
        _refusedKind = _fill.Kind;
        _refusedError = _fill.Error;
        _refused.Set(_piece.FirstPage, _unit);
        Skip(_unit);
    }

    /// <summary>
    /// CONTINUE found no page in the cache: a hole was punched. Where we know of it the page is done, for its threads find zeros by
    /// themselves. Else it is copied: who touches it may never come, and where MINOR is registered alone nobody is told of him. Larger
    /// pages are left to demand.
    /// </summary>
    private void OnHole(AliasPages alias, bool isRemoved)
    {
        if (isRemoved)
        {
            Mark(_unit);
        }
        else if (_unit == 1)
        {
            _meetsHole = true;
        }
        else
        {
            alias.Forget(_piece.FirstPage);
            Skip(_unit);
        }
    }

    /// <summary>
    /// COPY into a hole of a file that is filled through an alias. The page is claimed all along, or a handler would write it once more,
    /// over what the guest has written since.
    /// </summary>
    /// <returns>False if it has ended as any fill may.</returns>
    private bool OnHoleCopied(AliasPages alias)
    {
        long page = _piece.FirstPage;
        switch (_fill.Error)
        {
            case Errno.None:
                // The next page is no hole for that.
                _meetsHole = false;
                alias.MarkWritten(page);
                return false;
            case Errno.EAGAIN:
            case Errno.EEXIST when _fill.Kind == FillKind.ZeroPage:
                return false;
            case Errno.EEXIST when alias.IsWritten(page) && _takenForCached != _fill.Start:
                // The cache has got a page by now, by whoever touched it: it is mapped as it is.
                _takenForCached = _fill.Start;
                _meetsHole = false;
                return true;
            case Errno.EINVAL when alias.IsWritten(page):
                // CONTINUE has found a hole, and this memory takes no COPY: threads find zeros by themselves there, and nobody is asked.
                _meetsHole = false;
                Mark(_unit);
                return true;
            case Errno.EEXIST when !alias.IsWritten(page):
                // A hole was punched, and somebody has touched it since, of whom nobody was told: what the cache has is his.
                _meetsHole = false;
                alias.MarkWritten(page);
                return true;
            case Errno.EEXIST or Errno.EINVAL:
                // A handler can wait for memory, or for a populated alias; the background leaves the page to it, and brings it once more.
                // If that ends in the same way, what is mapped there is somebody else's: it has a page, and the file of ours is not behind
                // it.
                _meetsHole = false;
                alias.Unclaim(page);
                if (_leftToDemand == page) Refuse();
                else Skip(_unit);
                _leftToDemand = page;
                return true;
            default:
                _meetsHole = false;
                alias.Unclaim(page);
                return false;
        }
    }

    /// <summary>A demand was faster. Its own fill has woken the page's threads, or will; waking once more costs nothing.</summary>
    private void OnPresent()
    {
        _options.Thread.Wake(_fill.Start, (ulong)_unit << PageSize.BaseShift);
        Mark(_unit);
    }

    /// <summary>CONTINUE has told whether a page that COPY found there is really there: mapped, or at least in the cache.</summary>
    private void OnProbed()
    {
        _isProbe = false;
        if (_fill.Error is Errno.None or Errno.EEXIST)
        {
            OnPresent();
            GoOn();
            return;
        }

        if (_fill.Error == Errno.ESRCH)
        {
            OnOwnerGone();
            return;
        }

        if (_fill.Error != Errno.EFAULT)
        {
            Delay();
            return;
        }

        _cursor = _piece.FirstPage;
        _piece = default;
        _pieces.Clear();
        WaitOut(
            _fills, $"the page at 0x{_fill.Start:x} is absent, and COPY gives EEXIST again and again (the pool of huge pages may be empty)",
            null);
    }

    // Through the mailbox, so that others have a turn: a demand may be waiting wherever this chunk went through.
    protected void GoOn()
    {
        if (_piece.Pages > 0) Self.Tell(VmProtocol.Resume.Instance, ActorRefs.NoSender);
        else NextPiece();
    }

    private void Count(int pages)
    {
        bool isZero = _content == SourceContent.Zero;
        if (isZero) _options.Progress.ZeroPages += pages / _unit;
        else _options.Progress.Pages += pages / _unit;
        _options.Pages.Fill(_piece.FirstPage, pages, isZero, _fill.Kind == FillKind.Continue);
        Skip(pages);
    }

    /// <summary>Base pages at the front of the piece are done with.</summary>
    protected void Mark(int pages)
    {
        _options.Pages.Received.Set(_piece.FirstPage, pages);
        Skip(pages);
    }

    private void Skip(int pages) => _piece = new PushPiece(
        _piece.FirstPage + pages,
        _piece.Pages - pages,
        _piece.Content,
        _piece.Content == SourceContent.Bytes ? _piece.Address + (pages << PageSize.BaseShift) : _piece.Address);

    private void Delay() => _vm.Time.After(FaultResolver.Delay(_attempts++, _options.Region), Self, VmProtocol.Resume.Instance);

    /// <summary>What has failed may succeed later: tries again later and later, until the patience is over.</summary>
    private void WaitOut(Outage outage, string what, Exception? reason)
    {
        if (outage.Failed(_self, _vm.Time.Now, what, reason, out int failures))
        {
            _vm.Time.After(FaultResolver.Delay(failures, _options.Region), Self, VmProtocol.Resume.Instance);
            return;
        }

        _paused = true;
        _pauses++;
        // A push is alone, so it is its own probe.
        if (outage.Resumes) _vm.Time.After(FaultResolver.ProbeDelay(_probes++, _options.Region), Self, new VmProtocol.ProbePush(_pauses));
    }

    private void OnSucceeded(Outage outage)
    {
        _probes = 0;
        if (outage.Succeeded(_self, _vm.Time.Now)) _options.Context.Tell(new VmProtocol.Release(outage), ActorRefs.NoSender);
    }

    private void OnPageLost(PushOrder order, Exception failure) => Pause(new Incident(
        IncidentKind.PageLost,
        $"The background push has paused: of pages {order.FirstPage} to {order.FirstPage + order.Pages - 1} one is lost "
            + $"({failure.Message}); it goes on when recover is called.",
        failure));

    private void Pause(Incident incident)
    {
        _paused = true;
        _pauses++;
        _vm.Incidents.Report(incident);
    }

    /// <summary>There is nothing to fill any more: the push has failed, and what it has not filled is not received.</summary>
    private void OnOwnerGone()
    {
        _hasFailed = true;
        _pieces.Clear();
        _piece = default;
        OwnerWatch owner = _options.Reader.Owner;
        owner.Gone();
        _outage.Forget(_self, _vm.Time.Now);
        _fills.Forget(_self, _vm.Time.Now);
        _ = _options.Progress.Finished.TrySetException(owner.Refusal("UFFDIO_COPY"));
    }

    private void GoOnAfterPause()
    {
        if (!_paused) return;
        _paused = false;
        Next();
    }

    /// <summary>Everything is there that there can be.</summary>
    private void End()
    {
        _ended = true;
        // Whoever waits out an outage with it is not to be probed on its account any more.
        _outage.Forget(_self, _vm.Time.Now);
        _fills.Forget(_self, _vm.Time.Now);
        PageBitmap received = _options.Pages.Received;
        long missing = received.Pages - received.Count;
        if (missing == 0)
        {
            _ = _options.Progress.Finished.TrySetResult();
            return;
        }

        if (_refused is not null && NextWanted(0, evenRefused: true) is var first && first < received.Pages)
        {
            _ = _options.Progress.Finished.TrySetException(new UffdException(
                $"UFFDIO_{_refusedKind.ToString().ToUpperInvariant()}",
                _refusedError,
                $"page {first} of region {_options.Region} and every other one that is still absent takes no fill; other memory may "
                + "be mapped there than was registered"));
            return;
        }

        bool isGone = !_options.Reader.View.Regions.Any(r => r.Id == _options.Region);
        _ = _options.Progress.Finished.TrySetException(new InvalidOperationException(isGone
            ? $"Region {_options.Region} has been unmapped under its background push: {missing} of {received.Pages} pages were not there "
                + $"yet, and nobody needs them any more."
            : $"{missing} of {received.Pages} pages of region {_options.Region}, the first of them page {received.NextClear(0)}, have "
                + $"been unmapped under its background push; every other page is there."));
    }

    /// <summary>The first page at or behind another that is mapped and not there; as many as the region has if there is none.</summary>
    private long NextWanted(long page, bool evenRefused = false)
    {
        long found = _options.Pages.Received.Pages;
        foreach (ServedRegion part in _options.Reader.View.Regions)
        {
            if (part.Id != _options.Region) continue;
            long start = Math.Max(page, part.PageOf(part.Range.Start));
            long next = evenRefused ? _options.Pages.Received.NextClear(start) : NextOpen(start);
            if (next < part.PageOf(part.Range.End)) found = Math.Min(found, next);
        }

        return found;
    }

    /// <summary>The first page at or behind another that is neither there nor passed over.</summary>
    private long NextOpen(long page)
    {
        while (true)
        {
            page = _options.Pages.Received.NextClear(page);
            if (_refused is null || page >= _refused.Pages || _refused.NextClear(page) is var next && next == page) return page;
            page = next;
        }
    }

    // The part of the region that holds a page of it: nearly always the one that held the last.
    private ServedRegion? RegionOf(long page)
    {
        RegionView view = _options.Reader.View;
        ServedRegion? part = view.Find(_base + page);
        if (part?.Id != _options.Region || part.Base != _base) part = view.FindPart(_options.Region, page);
        if (part is not null) _base = part.Base;
        return part;
    }
}

/// <summary>What the background push is made of.</summary>
/// <param name="Reader">Reader of the context that it fills through.</param>
/// <param name="Context">Actor of the context, where demands are waited for.</param>
/// <param name="Thread">The thread on whose behalf it calls.</param>
/// <param name="SourceActor">Actor in front of the source.</param>
/// <param name="Region">Region that it fills.</param>
/// <param name="Pages">What has become of the region's pages.</param>
/// <param name="Progress">What it has done, for reports.</param>
/// <param name="ChunkPages">Base pages in a chunk: whole pages of the region.</param>
/// <param name="UnitPages">Base pages in a page of the region.</param>
/// <param name="Watch">What is known of the source; null if nobody else asks it.</param>
internal sealed record PushOptions(
    FaultReader Reader,
    IActorRef Context,
    MonitorThread Thread,
    IActorRef SourceActor,
    int Region,
    RegionPages Pages,
    PushProgress Progress,
    int ChunkPages,
    int UnitPages = 1,
    SourceWatch? Watch = null);

/// <summary>What the background push has done; written in its turns, read from anywhere.</summary>
internal sealed class PushProgress(TaskCompletionSource finished)
{
    private long _pages;
    private long _zeroPages;

    /// <summary>Pages of the region's own size filled with content.</summary>
    public long Pages
    {
        get => Volatile.Read(ref _pages);
        set => Volatile.Write(ref _pages, value);
    }

    /// <summary>Pages of the region's own size filled with zeros.</summary>
    public long ZeroPages
    {
        get => Volatile.Read(ref _zeroPages);
        set => Volatile.Write(ref _zeroPages, value);
    }

    /// <summary>Ends when every page of the region has been received.</summary>
    public TaskCompletionSource Finished { get; } = finished;
}
