using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Model.Inputs;
using UffdActors.Model.Memory;

namespace UffdActors.Actors;

/// <summary>
/// Resolves faults: asks the page source, and fills the page. One of several that share a context; each page belongs to one of them.
/// </summary>
/// <remarks>
/// The states are those of a request (<see cref="RequestPhase"/>), for a handler has many in hand. A request is at any time in exactly one
/// place: in a message, in the table of a page source, in a timer. There is one method for each state, which runs when something has come
/// for a request in it:
/// <code>
/// New ──► Fetching ──► Filling ──► (success: ends at the context)
///  │          ▲           ├─ EAGAIN: Deferred ──► Filling
///  │          └───────────┼─ CONTINUE into a hole
///  │                      ├─ EEXIST, ENOENT, EFAULT: Dismissed ──► (context wakes the page)
///  │                      └─ source failed too often, page lost, fill refused: Paused ──► (recover: context wakes the page)
///  ├─ content goes in through an alias that has no page there: Populating ──► Filling
///  ├─ write protection: Clearing ──► Dismissed
///  └─ (any state) ──► ESRCH: Paused, for good: the memory is gone with its process
/// </code>
/// What it decides is in <see cref="FaultResolver"/>; what becomes of a page that is not filled now in
/// <see cref="UnfilledRequests"/>; which requests it has in the reader's table. So a crash loses nothing: the context wakes the pages of
/// the lost incarnation, and their threads fault again.
/// </remarks>
internal sealed class HandlerActor : UntypedActor
{
    private readonly VmContext _vm;
    private readonly HandlerOptions _options;
    private readonly HandlerSlot _slot;
    private readonly SourceWatch _watch;
    private readonly DirectOrder _order;
    private readonly UnfilledRequests _unfilled;
    private readonly ProtectedWrites _writes;

    public HandlerActor(VmContext vm, HandlerOptions options)
    {
        _vm = vm;
        _options = options;
        _slot = options.Slot;
        _watch = options.Reader.Outages.Of(options.Source);
        _order = new DirectOrder(_slot, options.Source, _watch);
        _unfilled = new UnfilledRequests(vm, options, _watch, Self);
        _writes = new ProtectedWrites(vm, options.Reader, _unfilled);
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
            case RetryRequest retry:
                OnRequest(retry.Request);
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
        PageRequest? during = (message as PageRequest) ?? (message as RetryRequest)?.Request ?? (message as IMonitorCall)?.Request;
        // A page that is known to crash handlers: its outage is reported, not each crash.
        if (during is null || !_options.Reader.Outages.Crashes.Holds(Waiter.Of(during)))
            _vm.Incidents.Report(
                new Incident(
                    IncidentKind.HandlerCrashed, $"Handler {_slot.Number} crashed and was restarted: {ForeignText.Of(reason)}", reason));
        _options.Context.Tell(new VmProtocol.HandlerCrashed(_slot.Number, during), ActorRefs.NoSender);
        base.PreRestart(reason, message);
    }

    private void OnRequest(PageRequest request)
    {
        if (request.Incarnation != _slot.Incarnation)
        {
            _unfilled.Dismiss(request);
            return;
        }

        switch (request.Phase)
        {
            case RequestPhase.New:
                _vm.Probe?.At(HandlerPoint.AfterRead, _slot.Number, request);
                New(request, hasWaited: false);
                break;
            case RequestPhase.Fetching:
                _vm.Probe?.At(HandlerPoint.OnAnswer, _slot.Number, request);
                Fetching(request);
                break;
            case RequestPhase.Deferred:
                New(request, hasWaited: true);
                break;
        }
    }

    private void OnReturned(IMonitorCall call, PageRequest request)
    {
        bool isOurs = request.Incarnation == _slot.Incarnation;
        if (isOurs && request.Phase == RequestPhase.Filling) _vm.Probe?.At(HandlerPoint.OnAnswer, _slot.Number, request);
        if (!call.Advance()) return;
        if (isOurs) OnEnded(call, request);
        else OnEndedTooLate(call, request);
    }

    private void OnEnded(IMonitorCall call, PageRequest request)
    {
        switch (request.Phase)
        {
            case RequestPhase.Clearing:
                _writes.Clearing(request, call.Error);
                break;
            case RequestPhase.Populating:
                Populating(request, call.Error);
                break;
            default:
                Filling(request, call.Error);
                break;
        }
    }

    /// <summary>A call of before a crash has ended: what it has done is done, and its page's threads look for themselves.</summary>
    private void OnEndedTooLate(IMonitorCall call, PageRequest request)
    {
        if (call.Error == Errno.ESRCH) _options.Reader.Owner.Gone();
        if (request.Phase == RequestPhase.Clearing) _writes.ClearedTooLate(request, call.Error);
        _unfilled.Dismiss(request);
    }

    /// <summary>A fault that is new, or was deferred: decides what to do about it.</summary>
    private void New(PageRequest request, bool hasWaited)
    {
        if (_options.Reader.Owner.IsGone) _unfilled.OwnerGone(request);
        else if (TryLook(request, out long decidedOn, out ServedRegion? region))
            GoOn(request, FaultResolver.First(request, region, decidedOn, _slot.Thread, hasWaited, out FillPlan plan), plan, decidedOn);
    }

    /// <summary>The page source has answered, or failed.</summary>
    private void Fetching(PageRequest request)
    {
        if (_options.Reader.Owner.IsGone)
        {
            _unfilled.OwnerGone(request);
            return;
        }

        if (request.Failure is { } failure and not PageLostException)
        {
            _unfilled.SourceFailed(request, failure);
            return;
        }

        // A source that says that a page is lost is there.
        if (_watch.Outage.IsOn) _unfilled.SourceAnswers(request);
        if (request.Failure is { } lost && !_options.PoisonLostPages)
            _unfilled.Pause(request, RequestIncidents.Lost(request, lost));
        else Fill(request);
    }

    /// <summary>The page of the alias has been faulted in, or cannot be: an empty pool of huge pages is EFAULT here.</summary>
    private void Populating(PageRequest request, Errno error)
    {
        if (error == Errno.None)
        {
            Fill(request);
            return;
        }

        request.Error = error;
        request.GiveUpClaim();
        _unfilled.Fruitless(request, error, ++request.Attempts);
    }

    /// <summary>The fill has ended without having filled the page.</summary>
    private void Filling(PageRequest request, Errno error)
    {
        request.Error = error;
        FillAnswer answer = FillAnswers.Read(request.Fill);
        if (answer == FillAnswer.Unreadable && request.Fill.Kind == FillKind.Copy && request.Content == SourceContent.Bytes
            && _watch.CheckAgain(request.Data, request.Bytes) is { } wrong)
        {
            _unfilled.SourceFailed(request, wrong);
            return;
        }

        bool isRemoved = _options.Reader.View.IsRemoved(PageSize.PageOf(request.Address), request.Pages);
        Resolution next = FaultResolver.After(request, answer, isRemoved);
        if (next == Resolution.WaitOut) _unfilled.Fruitless(request, error, ++request.Attempts);
        else GoOn(request, next, default, 0);
    }

    /// <summary>The content is there: fills the page, by what the reader knows in this very turn (RING R9).</summary>
    private void Fill(PageRequest request)
    {
        if (request.Trace is { } trace) trace.Data = _vm.Time.Now;
        if (TryLook(request, out long decidedOn, out ServedRegion? region))
            GoOn(request, FaultResolver.WithContent(request, region, decidedOn, _slot.Thread, out FillPlan plan), plan, decidedOn);
    }

    /// <summary>Looks for the region that holds a request's page now; if none does, the page's threads find out for themselves.</summary>
    private bool TryLook(PageRequest request, out long decidedOn, [NotNullWhen(true)] out ServedRegion? region)
    {
        // First the epoch, then the view: an event that comes in between makes the fill start over.
        decidedOn = _slot.Thread.ChangeEpoch;
        region = _options.Reader.View.Find(PageSize.PageOf(request.Address));
        if (region is not null && region.Holds(request)) return true;
        _unfilled.Dismiss(request);
        return false;
    }

    private void GoOn(PageRequest request, Resolution step, in FillPlan plan, long decidedOn)
    {
        switch (step)
        {
            case Resolution.Fill:
                Issue(request, plan);
                break;
            case Resolution.Fetch:
                Fetch(request);
                break;
            case Resolution.ClearProtection:
                request.DecidedOn = decidedOn;
                Start(_slot.Thread.ClearProtection(request), request, RequestPhase.Clearing);
                break;
            case Resolution.Populate:
                ulong address = PageSize.AddressOf(request.Region.Alias!.FirstPage + request.Page);
                Start(_slot.Thread.PopulateAlias(request, address), request, RequestPhase.Populating);
                break;
            case Resolution.FillAgain:
                Fill(request);
                break;
            default:
                _unfilled.Leave(request, step);
                break;
        }
    }

    private void Fetch(PageRequest request)
    {
        request.Phase = RequestPhase.Fetching;
        request.BeginAnswer();
        if (request.Trace is { } trace) trace.Requested = _vm.Time.Now;
        if (_options.SourceActor is not { } actor)
        {
            _order.Ask(request);
        }
        else if (_watch.AnswersAtOnce || !_order.TryAsk(request))
        {
            // Where its actor is asked for, every order goes through it.
            request.BeginAnswer();
            actor.Tell(request, ActorRefs.NoSender);
            return;
        }

        Fetching(request);
    }

    private void Start(IMonitorCall call, PageRequest request, RequestPhase phase)
    {
        request.Phase = phase;
        if (call.Advance()) OnEnded(call, request);
    }

    private void Issue(PageRequest request, in FillPlan plan)
    {
        request.Phase = RequestPhase.Filling;
        plan.Begin(request.Fill);
        // Between the look at the view and the call anything may happen on real threads, so an explorer gets a turn there.
        if (_vm.SplitsTurns) Self.Tell(request.Fill, ActorRefs.NoSender);
        else if (request.Fill.Advance())
        {
            OnEnded(request.Fill, request);
            return;
        }

        _vm.Probe?.At(HandlerPoint.AfterFillSent, _slot.Number, request);
    }
}
