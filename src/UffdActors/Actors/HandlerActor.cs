using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.PageSources;

namespace UffdActors.Actors;

/// <summary>
/// Resolves faults: asks the page source, and fills the page. One of several that share a context; each page belongs to one of them.
/// </summary>
/// <remarks>
/// A request passes through these states, and is at any time in exactly one place: in a message, in the table of a page source, in a
/// timer.
/// <code>
/// New ──► Fetching ──► Filling ──► (success: ends at the context)
///  │          ▲           ├─ EAGAIN: Deferred ──► Filling
///  │          └───────────┼─ CONTINUE into a hole
///  └──────────────────────┼─ EEXIST, ENOENT, EFAULT: Dismissed ──► (context wakes the page)
///                         └─ source failed too often, page lost, fill refused: Paused ──► (recover: context wakes the page)
///  (any state) ──► ESRCH: Paused, for good: the memory is gone with its process
/// </code>
/// What it decides is in <see cref="FaultResolver"/>; which requests it has is in the reader's table. So a crash loses nothing: the
/// context wakes the pages of the lost incarnation, and their threads fault again.
/// </remarks>
internal sealed class HandlerActor : UntypedActor, IPageReceiver
{
    private readonly VmContext _vm;
    private readonly HandlerOptions _options;
    private readonly HandlerSlot _slot;
    private readonly SourceWatch _watch;
    private PageRequest? _asking;
    private WrongAnswerException? _wrong;
    private bool _answered;

    public HandlerActor(VmContext vm, HandlerOptions options)
    {
        _vm = vm;
        _options = options;
        _slot = options.Slot;
        _watch = options.Watch ?? options.Reader.Outages.Of(options.Source);
    }

    public static Props Props(VmContext vm, HandlerOptions options) =>
        Akka.Actor.Props.Create<HandlerActor>(vm, options).WithDispatcher(vm.DispatcherId);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case PageRequest request:
                OnRequest(request);
                break;
            case IMonitorCall call:
                OnReturned(call, call.Request!);
                break;
            case VmProtocol.Retry retry:
                OnRetry(retry.Request);
                break;
            case VmProtocol.EventsApplied:
                _vm.Probe?.At(HandlerPoint.OnEvents, _slot.Number, null);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    // One behaviour and no timers of Akka's: nothing to look for in a message before it is handled.
    protected override bool AroundReceive(Receive receive, object message)
    {
        OnReceive(message);
        return true;
    }

    protected override void PreRestart(Exception reason, object message)
    {
        PageRequest? during = (message as PageRequest) ?? (message as VmProtocol.Retry)?.Request ?? (message as IMonitorCall)?.Request;
        // Of a page that is known for it, the outage is reported, and not each crash.
        if (during is null || !_options.Reader.Outages.Crashes.Holds(Waiter.Of(during)))
            _vm.Incidents.Report(
                new Incident(IncidentKind.HandlerCrashed, $"Handler {_slot.Number} crashed and was restarted: {reason.Message}", reason));
        _options.Context.Tell(new VmProtocol.HandlerCrashed(_slot.Number, during), ActorRefs.NoSender);
        base.PreRestart(reason, message);
    }

    private void OnRequest(PageRequest request)
    {
        if (request.Incarnation != _slot.Incarnation)
        {
            Dismiss(request);
            return;
        }

        switch (request.Phase)
        {
            case RequestPhase.New:
                _vm.Probe?.At(HandlerPoint.AfterRead, _slot.Number, request);
                Take(request);
                break;
            case RequestPhase.Fetching:
                _vm.Probe?.At(HandlerPoint.OnAnswer, _slot.Number, request);
                OnAnswered(request);
                break;
        }
    }

    private void OnReturned(IMonitorCall call, PageRequest request)
    {
        bool isOurs = request.Incarnation == _slot.Incarnation;
        if (isOurs && request.Phase == RequestPhase.Filling) _vm.Probe?.At(HandlerPoint.OnAnswer, _slot.Number, request);
        if (!call.Advance()) return;
        if (!isOurs) OnEndedTooLate(call, request);
        else OnEnded(call, request);
    }

    /// <summary>A call of before a crash has ended: what it has done is done, and its page's threads look for themselves.</summary>
    private void OnEndedTooLate(IMonitorCall call, PageRequest request)
    {
        if (call.Error == Errno.ESRCH) _options.Reader.Owner.Gone();
        if (request.Phase == RequestPhase.Clearing)
        {
            bool isCleared = call.Error == Errno.None;
            if (isCleared) request.Region.Pages.Write(request.Page, request.Pages);
            if (request.Failure is { } thrown)
                _vm.Incidents.Report(
                    HookFailed(
                        request, thrown,
                        isCleared
                            ? "the page was given to its writer all the same."
                            : "the page stays protected, and the hook is called again."));
        }

        Dismiss(request);
    }

    private void OnEnded(IMonitorCall call, PageRequest request)
    {
        switch (request.Phase)
        {
            case RequestPhase.Clearing:
                OnCleared(request, call.Error);
                break;
            case RequestPhase.Populating:
                if (call.Error == Errno.None) Fill(request);
                else OnNotPopulated(request, call.Error);
                break;
            default:
                request.Error = call.Error;
                OnFillFailed(request);
                break;
        }
    }

    private void OnCleared(PageRequest request, Errno error)
    {
        switch (error)
        {
            case Errno.None:
                if (request.Failure is { } ignored)
                    _vm.Incidents.Report(HookFailed(request, ignored, "the page was given to its writer all the same."));
                request.Region.Pages.Write(request.Page, request.Pages);
                Dismiss(request);
                break;
            // Where nothing is registered any more, its threads find out for themselves.
            case Errno.ENOENT:
                Dismiss(request);
                break;
            case Errno.ESRCH:
                OnOwnerGone(request);
                break;
            case Errno.EAGAIN:
                Defer(request);
                break;
            // The hook was the first to find it out.
            case Errno.EIO when _options.Reader.Owner.Look():
                OnOwnerGone(request);
                break;
            case Errno.EIO when request.Failure is { } thrown:
                Pause(request,
                    HookFailed(request, thrown, "the page stays protected and its writers wait until recover or abandon is called."));
                break;
            default:
                Pause(request, new Incident(
                    IncidentKind.FillRefused,
                    $"Clearing the write protection of the page at 0x{request.Address:x} failed with {error}; its threads wait until "
                        + $"recover or abandon is called."));
                break;
        }
    }

    private static Incident HookFailed(PageRequest request, Exception thrown, string what) => new(
        IncidentKind.HookFailed,
        $"The BeforeWrite hook threw for page {request.Page} of region {request.Region.Id} ({thrown.Message}); {what}", thrown);

    private void Start(IMonitorCall call, PageRequest request, RequestPhase phase)
    {
        request.Phase = phase;
        if (call.Advance()) OnEnded(call, request);
    }

    private void Take(PageRequest request)
    {
        if (_options.Reader.Owner.IsGone)
        {
            OnOwnerGone(request);
            return;
        }

        // First the epoch, then the view: an event that comes in between makes the fill start over.
        long decidedOn = _slot.Thread.ChangeEpoch;
        RegionView view = _options.Reader.View;
        long page = PageSize.PageOf(request.Address);
        if (view.Find(page) is not { } region || !region.Holds(request))
        {
            Dismiss(request);
            return;
        }

        request.MeetsMarker = request.Streak > 0;
        request.MeetsHole = request.WasHole = request.TakesNoCopy = false;
        bool hasWaited = request.Phase == RequestPhase.Deferred;
        switch (FaultResolver.First(request.Flags, region.By, view.IsRemoved(page, request.Pages), request.Streak, hasWaited))
        {
            case Resolution.Fetch:
                Fetch(request);
                break;
            case Resolution.FillZero:
                request.Content = SourceContent.Zero;
                IssueZeros(request, region, decidedOn);
                break;
            case Resolution.Continue:
                request.Content = SourceContent.Bytes;
                if (region.IsProtected && region.Pages.HasRemoved) NoteWrittenBefore(request, region);
                Issue(request, decidedOn, FillKind.Continue, FillSource.Zero);
                break;
            case Resolution.ClearProtection:
                request.DecidedOn = decidedOn;
                Start(_slot.Thread.ClearProtection(request), request, RequestPhase.Clearing);
                break;
            case Resolution.Defer:
                // Longer and longer over all the faults that came again: of each of them this is the first attempt.
                OnFruitless(request, request.StreakError, request.Streak);
                break;
            default:
                Refuse(request, request.StreakError);
                break;
        }
    }

    /// <summary>
    /// A page of the cache that has only left the mapping is about to be mapped protected: that it was open, and so may have been written,
    /// is seen now or never.
    /// </summary>
    private void NoteWrittenBefore(PageRequest request, ServedRegion region)
    {
        bool isKept = region.Pages.IsRemoved(request.Page) && region.Received.Contains(request.Page);
        if (isKept && !_slot.Thread.HasProtection(request.Address)) region.Pages.Write(request.Page, request.Pages);
    }

    private void Fetch(PageRequest request)
    {
        request.Phase = RequestPhase.Fetching;
        request.BeginAnswer();
        if (request.Trace is { } trace) trace.Requested = _vm.Time.Now;
        if (_options.SourceActor is { } actor)
        {
            actor.Tell(request, ActorRefs.NoSender);
            return;
        }

        _asking = request;
        _answered = false;
        _wrong = null;
        _slot.Call.Begin(_watch.RequestName);
        try
        {
            _options.Source.Request(
                new PageOrder(
                    request.Id, request.Region.Id, request.Page, request.Pages, Urgency.Demand, request.BufferAddress,
                    CancellationToken.None), this);
            if (!_answered) request.Failure = _wrong ?? _watch.Refuse(WrongAnswer.TooShort, SourceWatch.TooShort(request.Range));
        }
        catch (Exception e)
        {
            // A source that throws has failed this order and no other.
            request.Failure = e;
        }

        _slot.Call.End();
        _asking = null;
        OnAnswered(request);
    }

    /// <inheritdoc />
    public void Received(long id, long firstPage, int pages, SourceContent content, nint address)
    {
        if (_answered || _asking is not { } request) return;
        if (request.Id != id) OnOtherOrder(request, id);
        else if (_watch.Check(request.Range, firstPage, pages, content, address) is { } wrong) _wrong = wrong;
        else _answered = request.TakeAnswer(firstPage, pages, content, address); // Only the first answer that has the page counts.
    }

    /// <inheritdoc />
    public void Failed(long id, Exception reason)
    {
        if (_answered || _asking is not { } request) return;
        if (request.Id != id)
        {
            OnOtherOrder(request, id);
            return;
        }

        _answered = true;
        request.Failure =
            reason ?? (Exception)_watch.Refuse(WrongAnswer.NoReason, $"reported a failure of {request.Range} without a reason");
    }

    // Smaller ones are over, or another handler's.
    private void OnOtherOrder(PageRequest request, long id)
    {
        if (id < 0 || id > request.Id)
            _wrong = _watch.Refuse(
                WrongAnswer.UnknownOrder, $"answered order {id} when it was asked for {request.Range}, which is order {request.Id}");
    }

    private void OnAnswered(PageRequest request)
    {
        if (_options.Reader.Owner.IsGone)
        {
            OnOwnerGone(request);
            return;
        }

        if (request.Failure is not { } failure)
        {
            if (_watch.Outage.IsOn) OnAnswersAgain(request);
            Fill(request);
        }
        else if (failure is not PageLostException)
        {
            OnSourceFailed(request, failure);
        }
        else
        {
            // A source that says so is there.
            if (_watch.Outage.IsOn) OnAnswersAgain(request);
            if (_options.LostPages == LostPages.Poison) Fill(request);
            else Pause(request, new Incident(
                IncidentKind.PageLost,
                $"The page at 0x{request.Address:x} is lost ({failure.Message}); its threads wait until recover or abandon is called.",
                failure));
        }
    }

    private void OnAnswersAgain(PageRequest request)
    {
        if (_watch.Outage.Succeeded(Waiter.Of(request), _vm.Time.Now))
            _options.Context.Tell(new VmProtocol.Release(_watch.Outage), ActorRefs.NoSender);
    }

    private void OnSourceFailed(PageRequest request, Exception failure)
    {
        request.Attempts++;
        WaitOut(request, _watch.Outage, failure.Message, failure, 0);
    }

    /// <summary>A fill has had no effect, and its page is waited for all the same.</summary>
    private void OnFruitless(PageRequest request, Errno error, int attempts) =>
        WaitOut(
            request, _options.Reader.Outages.Fills,
            $"{request.Fill.Kind} of the page at 0x{request.Address:x} gives {error}{Likely(request, error)}", null, attempts);

    /// <summary>What has failed may succeed later: tries again later and later, until the patience is over.</summary>
    private void WaitOut(PageRequest request, Outage outage, string what, Exception? reason, int attempts)
    {
        bool isTriedAgain = outage.Failed(Waiter.Of(request), _vm.Time.Now, what, reason, out int failures);
        // Somebody has been told: that is no fault that is late.
        if (outage.IsReported) _options.Reader.Paused(request);
        if (isTriedAgain) RetryAfter(request, Math.Max(attempts, failures));
        else PauseIn(request, outage);
    }

    /// <summary>The page is there: fills it, by what the reader knows in this very turn (RING R9).</summary>
    private void Fill(PageRequest request)
    {
        if (request.Trace is { } trace) trace.Data = _vm.Time.Now;
        long decidedOn = _slot.Thread.ChangeEpoch;
        RegionView view = _options.Reader.View;
        long page = PageSize.PageOf(request.Address);
        if (view.Find(page) is not { } region || !region.Holds(request))
        {
            Dismiss(request);
            return;
        }

        if (request.Failure is PageLostException)
        {
            // Of a page that is only partly removed the rest is still lost.
            if (!view.IsRemoved(page, request.Pages))
            {
                Issue(request, decidedOn, FillKind.Poison, FillSource.Zero);
                return;
            }

            request.Content = SourceContent.Zero;
        }
        else if (region.Pages.HasRemoved)
        {
            // Removed while it was being fetched: the old bytes must not come back.
            request.DropRemoved();
        }

        if (region.By == ResolveBy.Continue && !request.MeetsHole)
        {
            WriteThroughAlias(request, region, decidedOn);
            return;
        }

        switch (request.Content)
        {
            case SourceContent.Zero:
                IssueZeros(request, region, decidedOn);
                break;
            case SourceContent.Stamp:
                Issue(request, decidedOn, FillKind.Copy, FillSource.Stamp((uint)request.Data));
                break;
            default:
                Issue(request, decidedOn, FillKind.Copy, FillSource.Buffer(request.Data));
                break;
        }
    }

    /// <summary>
    /// Puts the content into the cache and maps it. From the claim to the mark nothing can come between, but a fault of our own on the
    /// alias; and a crash there gives the claim back.
    /// </summary>
    private void WriteThroughAlias(PageRequest request, ServedRegion region, long decidedOn)
    {
        AliasPages alias = region.Alias!;
        if (alias.IsWritten(request.Page))
        {
            request.HasClaim = false;
            Issue(request, decidedOn, FillKind.Continue, FillSource.Zero);
            return;
        }

        if (!request.HasClaim && !alias.TryClaim(request.Page))
        {
            // The background push is at work on it, and will wake the page's threads.
            Defer(request);
            return;
        }

        request.HasClaim = true;
        ulong address = PageSize.AddressOf(alias.FirstPage + request.Page);
        // The cache was allocated in full, so a page of zeros is there already; unless a hole was punched, as an earlier attempt may have
        // shown: then the alias is faulted in first, which makes one.
        bool takesCopy = request.Pages == 1 && !request.TakesNoCopy;
        bool hasZeros = request.Attempts == 0 || request.Phase == RequestPhase.Populating || takesCopy;
        if ((request.Content == SourceContent.Zero && hasZeros)
            || (request.Content != SourceContent.Zero && _slot.Thread.TryWriteAlias(address, request.Data, request.Bytes)))
        {
            alias.MarkWritten(request.Page);
            request.HasClaim = false;
            Issue(request, decidedOn, FillKind.Continue, FillSource.Zero);
            return;
        }

        if (takesCopy)
        {
            // The alias was populated, and has nothing there any more.
            alias.MarkWritten(request.Page);
            request.HasClaim = false;
            request.MeetsHole = true;
            Fill(request);
            return;
        }

        // Not mapped in the alias yet: fault it in like any other memory, then write again.
        Start(_slot.Thread.PopulateAlias(request, address), request, RequestPhase.Populating);
    }

    private void IssueZeros(PageRequest request, ServedRegion region, long decidedOn) =>
        Issue(request, decidedOn, region.ZeroFill(request.MeetsMarker), FillSource.Zero);

    private void Issue(PageRequest request, long decidedOn, FillKind kind, FillSource source)
    {
        request.Phase = RequestPhase.Filling;
        request.Fill.DecideOn(decidedOn);
        FillModes modes = kind == FillKind.Poison ? FillModes.None : request.Region.FillModesOf(request.Page);
        request.Fill.Begin(kind, request.Address, (ulong)request.Bytes, source, modes);
        // Between the look at the view and the call anything may happen on real threads, so an explorer gets a turn there.
        if (_vm.SplitsTurns) Self.Tell(request.Fill, ActorRefs.NoSender);
        else if (request.Fill.Advance())
        {
            OnEnded(request.Fill, request);
            return;
        }

        _vm.Probe?.At(HandlerPoint.AfterFillSent, _slot.Number, request);
    }

    private void OnFillFailed(PageRequest request)
    {
        if (request.Error == Errno.EFAULT && request.Fill.Kind == FillKind.Copy && request.Content == SourceContent.Bytes
            && _watch.CheckAgain(request.Data, request.Bytes) is { } wrong)
        {
            OnSourceFailed(request, wrong);
            return;
        }

        if (request.MeetsHole && request.Fill.Kind == FillKind.Copy && request.Error is Errno.EEXIST or Errno.EINVAL)
        {
            OnHoleNotCopied(request);
            return;
        }

        switch (FaultResolver.After(request.Fill.Kind, request.Error, request.Fill.Out))
        {
            case Resolution.Wake:
                Dismiss(request);
                break;
            case Resolution.Defer when request.Error == Errno.ENOMEM:
                OnFruitless(request, request.Error, ++request.Attempts);
                break;
            case Resolution.Defer:
                Defer(request);
                break;
            case Resolution.Fetch:
                OnHole(request);
                break;
            case Resolution.OwnerGone:
                OnOwnerGone(request);
                break;
            case Resolution.CopyZeros:
                request.MeetsMarker = true;
                Fill(request);
                break;
            default:
                Refuse(request, request.Error);
                break;
        }
    }

    /// <summary>
    /// CONTINUE found no page in the cache: a hole was punched. Where we know of it, or a hole raises MISSING, the thread finds out for
    /// itself; else it is filled again.
    /// </summary>
    private void OnHole(PageRequest request)
    {
        if (request.Region.CopiesHoles || _options.Reader.View.IsRemoved(PageSize.PageOf(request.Address), request.Pages))
        {
            Dismiss(request);
        }
        else if (request.WasHole)
        {
            // A hole, and none, and a hole again: somebody is at work on it just now. Its threads look for themselves.
            Dismiss(request);
        }
        else if (request.Region.Alias is not null && request.Pages == 1 && !request.MeetsHole && !request.TakesNoCopy)
        {
            // By COPY, which is refused where somebody has touched the hole meanwhile, of whom nobody is told where MINOR is registered
            // alone.
            request.MeetsHole = true;
            Fill(request);
        }
        else
        {
            WriteAgain(request);
        }
    }

    /// <summary>The hole is none any more, and what the cache has is mapped as it is; or this memory takes no COPY.</summary>
    private void OnHoleNotCopied(PageRequest request)
    {
        request.MeetsHole = false;
        request.WasHole = request.Error == Errno.EEXIST;
        if (request.Error == Errno.EINVAL)
        {
            request.TakesNoCopy = true;
            request.Region.Alias?.Forget(request.Page);
        }

        Fill(request);
    }

    private void WriteAgain(PageRequest request)
    {
        request.MeetsHole = false;
        request.Region.Alias?.Forget(request.Page);
        request.Attempts++;
        OnFruitless(request, request.Error, request.Attempts);
    }

    /// <summary>
    /// A hole in the cache could not be filled. An empty pool of huge pages is EFAULT here, and may have pages again later.
    /// </summary>
    private void OnNotPopulated(PageRequest request, Errno error)
    {
        request.Error = error;
        GiveUpClaim(request);
        request.Attempts++;
        OnFruitless(request, error, request.Attempts);
    }

    private void OnRetry(PageRequest request)
    {
        if (request.Incarnation != _slot.Incarnation) Dismiss(request);
        else Take(request);
    }

    private void Defer(PageRequest request)
    {
        if (++request.Attempts == FaultResolver.PatientAttempts)
        {
            _vm.Incidents.Report(new Incident(
                IncidentKind.FillDelayed,
                $"The page at 0x{request.Address:x} could not be filled in {request.Attempts} attempts ({request.Error}); trying on."));
        }

        RetryAfter(request, request.Attempts);
    }

    private void RetryAfter(PageRequest request, int attempts)
    {
        request.Phase = RequestPhase.Deferred;
        _vm.Time.After(FaultResolver.Delay(attempts, request.Id), Self, new VmProtocol.Retry(request));
    }

    private void Refuse(PageRequest request, Errno error) => Pause(request, new Incident(
        IncidentKind.FillRefused,
        $"{request.Fill.Kind} of the page at 0x{request.Address:x} was refused with {error}{Likely(request, error)}; its threads wait "
            + $"until recover or abandon is called."));

    // What the errno does not say of itself.
    private static string Likely(PageRequest request, Errno error) => error switch
    {
        Errno.EEXIST or Errno.ENOMEM when request.Pages > 1 => " again and again (the pool of huge pages may be empty)",
        Errno.EFAULT when request.Fill.Kind == FillKind.Copy =>
            $" again and again (the page source may have named memory that cannot be read, at 0x{request.Data:x})",
        _ => "",
    };

    private void Pause(PageRequest request, Incident incident)
    {
        Waiter waiter = Waiter.Of(request);
        GiveUpClaim(request);
        request.PausedBy = null;
        _options.Reader.Paused(request);
        request.Phase = RequestPhase.Paused;
        _vm.Incidents.Report(incident);
        DropIfGone(waiter);
    }

    // The event that says so may have been read while it was still being tried.
    private void DropIfGone(Waiter waiter)
    {
        Interlocked.MemoryBarrier();
        if (!_options.Reader.IsServed(waiter)) _options.Context.Tell(VmProtocol.DropGone.Instance, ActorRefs.NoSender);
    }

    /// <summary>Nobody waits any more, and nothing can be filled: pauses without a word, for one has been said about all of them.</summary>
    private void OnOwnerGone(PageRequest request)
    {
        _options.Reader.Owner.Gone();
        GiveUpClaim(request);
        _options.Reader.Outages.Forget(Waiter.Of(request), _vm.Time.Now);
        request.PausedBy = null;
        request.Phase = RequestPhase.Paused;
        _options.Reader.Paused(request);
    }

    /// <summary>The patience is over, which has been reported: the page waits until somebody succeeds.</summary>
    private void PauseIn(PageRequest request, Outage outage)
    {
        Waiter waiter = Waiter.Of(request);
        long id = request.Id;
        GiveUpClaim(request);
        request.PausedBy = outage;
        _options.Reader.Paused(request);
        request.Phase = RequestPhase.Paused;
        // On other threads it may have ended in between.
        if (!outage.Holds(waiter)) _options.Context.Tell(new VmProtocol.Release(outage), ActorRefs.NoSender);
        else if (outage.TryBeginProbing()) _vm.Time.After(outage.ProbeDelay(id), _options.Context, new VmProtocol.Probe(outage));
        DropIfGone(waiter);
    }

    // A request is used again for other pages, and must not bring the claim of this one along.
    private static void GiveUpClaim(PageRequest request)
    {
        if (request.HasClaim) request.Region.Alias!.Unclaim(request.Page);
        request.HasClaim = false;
    }

    private void Dismiss(PageRequest request)
    {
        GiveUpClaim(request);
        // One of before a crash has been forgotten already; by now another request for its page may wait in the outage.
        if (_watch.Outage.IsOn && request.Incarnation == _slot.Incarnation) _watch.Outage.Forget(Waiter.Of(request), _vm.Time.Now);
        request.Phase = RequestPhase.Dismissed;
        _options.Context.Tell(request, ActorRefs.NoSender);
    }
}

/// <summary>What a handler is made of.</summary>
/// <param name="Slot">The handler as the reader knows it.</param>
/// <param name="Reader">The reader whose faults it resolves.</param>
/// <param name="Context">The context's actor.</param>
/// <param name="Source">Where pages come from.</param>
/// <param name="SourceActor">The actor in front of the source; null if the source answers at once and is asked directly.</param>
/// <param name="LostPages">What becomes of pages that the source has lost.</param>
/// <param name="Watch">What is known of the source; null for what the reader knows.</param>
internal sealed record HandlerOptions(
    HandlerSlot Slot, FaultReader Reader, IActorRef Context, IPageSource Source, IActorRef? SourceActor,
    LostPages LostPages = LostPages.Wait, SourceWatch? Watch = null);
