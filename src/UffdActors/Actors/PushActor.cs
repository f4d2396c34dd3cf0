using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Model;
using UffdActors.Model.Turns;

namespace UffdActors.Actors;

/// <summary>
/// The background lane: fills pages that no thread has faulted on yet, chunk after chunk. Chunks are asked for ahead, as far as the window
/// allows, but only one is filled at a time. Of a source that answers at once the next one is begun only when the demands that had been
/// raised by then are served, of another one when they have been passed on: a demand waits behind one chunk at the most
/// (<see cref="PushGate"/>). With a thread of its own (<see cref="PushOptions.OnOwnThread"/>) it is in no demand's way, and waits for none.
/// </summary>
/// <remarks>
/// One method for each state, which takes what is waited for in it:
/// <code>
/// Going ──► Waiting ──► Asking ──► Filling ──► Going, with the rest of the chunk or for another one
///   ▲     (for demands) (the source)  │
///   └─────────── (a while) ◄── EAGAIN ┘
/// (the rate is used up)                                        ──► Going, after a while
/// (all that is left fails for too long, or is lost)            ──► Paused ──► (recover, or a probe) Waiting
/// (it is held)                                                 ──► Held ──► (it is resumed) Waiting
/// (nothing is left to bring, or it is refused for good; ESRCH) ──► Over: the calls that wait have been told
/// </code>
/// Which pages are left is in <see cref="WantedPages"/>, and which of them comes next is its order's to say; what is on its way in
/// <see cref="PushPipeline"/>, what is in hand in <see cref="PushChunk"/>, which fill is next and what its answer says in
/// <see cref="PushFill"/>, retries and pauses in <see cref="PushWaits"/>. A piece that meets pages which a demand has filled meanwhile goes
/// on behind them.
/// </remarks>
internal class PushActor : UntypedActor
{
    private readonly VmContext _vm;
    private readonly PushOptions _options;
    private readonly PushPipeline _pipeline;
    private readonly PushChunk _chunk;
    private readonly WantedPages _wanted;
    private readonly PushWaits _waits;
    private readonly PushEnd _end;
    private PushState _state;
    private PushGate? _gate;
    private bool _hasWaited;
    private bool _isHeld;
    private bool _isEnding;

    public PushActor(VmContext vm, PushOptions options)
    {
        _vm = vm;
        _options = options;
        _chunk = new PushChunk(options.UnitPages);
        _wanted = new WantedPages(options.Reader, options.Region, options.Pages, options.UnitPages, options.Order ?? new LinearOrder());
        _pipeline = new PushPipeline(vm, options, _wanted, Self);
        _waits = new PushWaits(vm, options, _wanted, Self);
        Fill = new PushFill(vm, options, _chunk, _wanted, _waits);
        _end = new PushEnd(options, _wanted, _waits);
        _isHeld = options.IsHeld;
    }

    /// <summary>The fill of the piece in hand.</summary>
    protected PushFill Fill { get; }

    public static Props Props(VmContext vm, PushOptions options) =>
        Akka.Actor.Props.Create<PushActor>(vm, options).WithDispatcher(options.OnOwnThread ? vm.PushDispatcherId : vm.DispatcherId);

    protected override void OnReceive(object message)
    {
        switch (_state)
        {
            case PushState.Over:
                _end.Take(message);
                break;
            case var _ when message is PushOrder order:
                Answered(order);
                break;
            case PushState.Going when message is VmProtocol.Resume:
                Going();
                break;
            case PushState.Waiting when message == _gate:
                Waiting();
                break;
            case PushState.Filling when message is IPageFill fill:
                if (fill.Advance()) Filling();
                break;
            case PushState.Paused when _waits.Ends(message):
                Paused(message);
                break;
            default:
                Anywhere(message);
                break;
        }
    }

    protected override void PostStop()
    {
        _end.Stopped(_vm.Name);
        base.PostStop();
    }

    private void Anywhere(object message)
    {
        switch (message)
        {
            case VmProtocol.OwnerGone:
                End(PushEnding.OwnerGone);
                break;
            case VmProtocol.PartsUnmapped:
                if (_wanted.NextMissing(0) >= _wanted.Pages) End(PushEnding.Done);
                break;
            case VmProtocol.HoldPush hold:
                _isHeld = hold.IsHeld;
                if (_state == PushState.Held) Next();
                break;
            case VmProtocol.EndPush:
                _isEnding = true;
                if (_chunk.IsEmpty) End(PushEnding.Early);
                break;
            case VmProtocol.Recover:
                Fill.Recover();
                break;
            case PushGate or VmProtocol.ProbePush:
                // Of a wait, or a pause, that has ended.
                break;
            case Operation operation:
                // A call whose end is not waited for.
                operation.Step();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    /// <summary>Others have had a turn, or a while has gone by.</summary>
    private void Going()
    {
        if (_chunk.Piece.Pages > 0) Take(Fill.Aim());
        else NextAfterAWhile();
    }

    /// <summary>The demands that had been raised are served, or have been waited for for long enough.</summary>
    private void Waiting()
    {
        _gate = null;
        // Told to stay while it waited.
        if (!_isHeld) _pipeline.Ask();
        if (_isHeld || !TryBegin()) Next();
    }

    /// <summary>The source has answered, or failed.</summary>
    private void Answered(PushOrder order)
    {
        _pipeline.Answered(order);
        if (_state != PushState.Asking) return;
        // A chunk asked for ahead may have come long ago: demands raised since then go first.
        if (_pipeline.AsksAhead || !TryBegin()) Next();
    }

    /// <summary>Begins to fill a chunk that has come.</summary>
    /// <returns>False if there is none.</returns>
    private bool TryBegin()
    {
        if (!_pipeline.TryTake(out PushOrder? order)) return false;
        _waits.SourceAnswers();
        _chunk.Begin(order);
        NextPiece();
        return true;
    }

    /// <summary>The pause is over: by <c>recover</c>, or for a probe.</summary>
    private void Paused(object message)
    {
        if (message is VmProtocol.Recover) Fill.Recover();
        NextAfterAWhile();
    }

    /// <summary>Goes on after a failure: what has failed besides is asked for again as well.</summary>
    private void NextAfterAWhile()
    {
        _pipeline.ForgetFailed();
        Next();
    }

    private void Next()
    {
        if (_options.Reader.Owner.IsGone) End(PushEnding.OwnerGone);
        else if (_isEnding) End(PushEnding.Early);
        else if (_isHeld) _state = PushState.Held;
        else GoOnOrder();
    }

    private void GoOnOrder()
    {
        if (_pipeline.AsksAhead) _pipeline.Ask();
        if (_pipeline.HasAnswer || (!_pipeline.IsAsking && !_pipeline.HasFailed && _pipeline.CanAsk))
        {
            // Demand first. One whose page cannot be had does not hold up the push for ever, one that waits for a slow source not at all.
            _state = PushState.Waiting;
            _gate = _waits.ForDemands(waits: !_pipeline.AsksAhead);
        }
        else if (_pipeline.TakeFailed() is { } failed)
        {
            WaitOut(_waits.OrderFailed(failed));
            _hasWaited = true;
            _pipeline.GiveBack(failed, isFilled: false);
        }
        else if (_pipeline.IsAsking)
        {
            _state = PushState.Asking;
        }
        else if (_pipeline.WaitsForRate())
        {
            _state = PushState.Going;
        }
        else if (_wanted.TryBeginAnew())
        {
            // What was passed over is being filled on demand; look again, until nothing is missing. Or it has failed, and that has been
            // waited out.
            if (_hasWaited) GoOnOrder();
            else WaitOut(_waits.Delay());
            _hasWaited = false;
        }
        else if (_wanted.IsAnyLost)
        {
            // Everything else is there.
            WaitOut(_waits.Lost());
        }
        else
        {
            End(PushEnding.Done);
        }
    }

    private void NextPiece()
    {
        Fill.BeginPiece();
        if (_chunk.TryNext())
        {
            Take(Fill.Aim());
            return;
        }

        _pipeline.GiveBack(_chunk.Drop(), isFilled: true);
        Next();
    }

    private void Take(PushStep step)
    {
        _state = step == PushStep.GoOn ? PushState.Going : PushState.Filling;
        if (step == PushStep.GoOn) GoOn();
        else if (_vm.SplitsTurns) Self.Tell(Fill.Call, ActorRefs.NoSender);
        else if (Fill.Call.Advance()) Filling();
    }

    private void WaitOut(bool isTriedAgain) => _state = isTriedAgain ? PushState.Going : PushState.Paused;

    // Through the mailbox, so that others have a turn: a demand may be waiting wherever this chunk went through.
    protected void GoOn()
    {
        if (_chunk.Piece.Pages > 0)
        {
            _state = PushState.Going;
            Self.Tell(VmProtocol.Resume.Instance, ActorRefs.NoSender);
        }
        else
        {
            NextPiece();
        }
    }

    private void End(PushEnding how)
    {
        _state = PushState.Over;
        _end.Tell(how);
    }

    /// <summary>A fill of the piece in hand has ended: goes on behind what it did, or tries again later.</summary>
    [MutationPoint("RING P9, P12, P14, S1")]
    internal virtual void Filling()
    {
        PushStep step = Fill.Ended();
        switch (step)
        {
            case PushStep.Issue or PushStep.GoOn:
                Take(step);
                break;
            case PushStep.Delay:
                if (_options.Reader.IsHeldBack) _options.Context.Tell(VmProtocol.ReadOn.Instance, ActorRefs.NoSender);
                WaitOut(_waits.Delay());
                break;
            case PushStep.OwnerGone:
                End(PushEnding.OwnerGone);
                break;
            default:
                Fill.PutOff();
                _pipeline.GiveBack(_chunk.Drop(), isFilled: false);
                WaitOut(step == PushStep.WaitOut ? _waits.Fruitless(Fill.Trouble) : _waits.SourceFailed(Fill.Wrong!));
                break;
        }
    }
}
