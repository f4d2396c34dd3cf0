using UffdActors.PostCopy.Migration;

namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>
/// Both machines of a migration, a guest that one of them may run, and a wire between them that is cut anywhere; a seed decides what comes
/// next. A cut takes what the source has sent away from it at once, and the destination hears of it later, or by the next Hello.
/// </summary>
internal sealed class TwoSidedRun
{
    private const int Pages = 3;
    private const int MostSteps = 1000;
    private const int StepsWithCuts = 200;
    private const int MostCuts = 6;

    private readonly SourceMachine _source;
    private readonly HandOverFlaw _flaw;
    private DestinationMachine _destination;
    private ulong _destinations = 1;
    private readonly Queue<(string Kind, ulong Epoch, int Page, int Version)> _toDestination = new();
    private readonly Queue<(string Kind, ulong Epoch)> _toSource = new();
    private readonly Queue<Action> _work = new();
    private readonly int[] _written = new int[Pages];
    private readonly int[] _copied = new int[Pages];
    private readonly bool[] _stale = [true, true, true];
    private ulong _state;
    private bool _runsAtSource = true;
    private bool _runsAtDestination;
    private bool _runsAtFormer;
    private bool _isSourceUp;
    private bool _isDestinationUp;
    private bool _isLossOnItsWay;
    private bool _copies;
    private int _cuts;

    public TwoSidedRun(ulong seed, HandOverFlaw flaw)
    {
        _state = seed;
        _flaw = flaw;
        _source = new SourceMachine(wantsVerdict: true, flaw);
        _destination = new DestinationMachine(flaw);
        Array.Fill(_copied, -1);
    }

    /// <summary>What is wrong; null if nothing is.</summary>
    public string? Violation { get; private set; }

    /// <summary>True if the guest has reached the destination.</summary>
    public bool HasMoved { get; private set; }

    /// <summary>How often the link was cut.</summary>
    public int Cuts => _cuts;

    /// <summary>How often the guest was handed over.</summary>
    public ulong HandOvers => _source.Epoch;

    /// <summary>How often another destination took the place of one.</summary>
    public int Replacements => (int)_destinations - 1;

    /// <summary>Runs to the end; without cuts in the last part, so that it can come to one.</summary>
    public void Run(bool abandons = false, bool replaces = false)
    {
        for (int step = 0; step < MostSteps && Violation is null; step++)
        {
            if (_source.Phase == SourcePhase.Ended && _destination.Phase == DestinationPhase.Ended) break;
            bool mayCut = step < StepsWithCuts && _cuts < MostCuts;
            switch (Next(mayCut ? 10 : 7))
            {
                case 0 when _toDestination.Count > 0 && _isDestinationUp:
                    Deliver(_toDestination.Dequeue());
                    break;
                case 1 when _toSource.Count > 0 && _isSourceUp:
                    Deliver(_toSource.Dequeue());
                    break;
                case 2 when _work.Count > 0:
                    _work.Dequeue()();
                    break;
                case 3 when !_isSourceUp && _source.Phase != SourcePhase.Ended:
                    Connect();
                    break;
                case 4:
                    CopyOrSwitch();
                    break;
                case 5 when _runsAtSource:
                    int page = Next(Pages);
                    _written[page]++;
                    _stale[page] = true;
                    break;
                case 6 when _isLossOnItsWay && _toDestination.Count == 0:
                    LoseAtDestination();
                    break;
                case 7 when _isSourceUp:
                    Cut();
                    break;
                case 8 when abandons && _destination.Phase == DestinationPhase.Running && _isDestinationUp:
                    Destination(DestinationEvent.AbandonWithLoss);
                    break;
                case 9 when replaces:
                    Replace();
                    break;
            }

            if ((_runsAtSource ? 1 : 0) + (_runsAtDestination ? 1 : 0) + (_runsAtFormer ? 1 : 0) > 1)
                Violation ??= "the guest runs on both sides";
            if (_runsAtDestination && _source.Phase == SourcePhase.GuestHere)
                Violation ??= "the source takes a guest for its own that runs elsewhere";
        }

        // Where the destination is gone to which the guest went, somebody else has to say what is to be.
        bool waits = _source.IsElsewhere && _source.Phase is SourcePhase.InDoubt or SourcePhase.Serving or SourcePhase.Complete;
        if (Violation is null && !abandons && !waits && _source.Phase != SourcePhase.Ended)
            Violation = $"it does not come to an end: source {_source.Phase}, destination {_destination.Phase}";
        if (Violation is null && !abandons && !waits && !HasMoved && !_runsAtSource) Violation = "the guest runs nowhere";
    }

    private int Next(int below) => (int)(SplitMix.Next(ref _state) % (ulong)below);

    private void Connect()
    {
        // The destination hears of the new link first, and forgets what is left of the old one.
        _toDestination.Clear();
        _toSource.Clear();
        if (_isDestinationUp) LoseAtDestination();
        if (_destination.Phase == DestinationPhase.Ended)
        {
            // Nobody listens any more, and it has every page.
            if (_source.Phase == SourcePhase.Complete) Source(SourceEvent.Bye);
            return;
        }

        _isDestinationUp = true;
        Destination(DestinationEvent.LinkUp, _source.Epoch);
        _isSourceUp = _isDestinationUp;
        if (_isSourceUp) Source(SourceEvent.LinkUp, _destination.HasGuest ? _destination.Epoch : 0, _destinations);
    }

    // It listens where the former one did, which is dead, or cannot be reached any more and goes on with what it has.
    private void Replace()
    {
        bool livesOn = Next(2) == 0;
        if (_isSourceUp) Cut();
        while (livesOn && _toDestination.Count > 0) Deliver(_toDestination.Dequeue());
        while (livesOn && _work.Count > 0) _work.Dequeue()();
        _runsAtFormer |= _runsAtDestination && livesOn;
        _runsAtDestination = _isDestinationUp = _isLossOnItsWay = false;
        _toDestination.Clear();
        _toSource.Clear();
        _work.Clear();
        Array.Fill(_copied, -1);
        _destination = new DestinationMachine(_flaw);
        _destinations++;
        // What the source still had to do is done by it, and not by the process that is gone.
        if (_source.Phase == SourcePhase.Stopping)
        {
            _runsAtSource = false;
            Source(SourceEvent.GuestStopped);
        }
        else if (_source.Phase == SourcePhase.Complete) Source(SourceEvent.Checked);
    }

    private void Cut()
    {
        _cuts++;
        _isSourceUp = false;
        _isLossOnItsWay = true;
        _copies = false;
        // A part of what was sent is still read by the destination, the rest is lost.
        int kept = Next(_toDestination.Count + 1);
        (string, ulong, int, int)[] first = [.. _toDestination.Take(kept)];
        _toDestination.Clear();
        foreach ((string, ulong, int, int) message in first) _toDestination.Enqueue(message);
        _toSource.Clear();
        Source(SourceEvent.LinkDown);
    }

    private void LoseAtDestination()
    {
        _isLossOnItsWay = false;
        _isDestinationUp = false;
        Destination(DestinationEvent.LinkDown);
    }

    private void CopyOrSwitch()
    {
        if (_copies && _isSourceUp && _source.Phase == SourcePhase.GuestHere && Next(3) > 0)
        {
            int page = Next(Pages);
            _stale[page] = false;
            _toDestination.Enqueue(("content", 0, page, _written[page]));
            return;
        }

        if (_source.Phase == SourcePhase.GuestHere && _isSourceUp) Source(SourceEvent.Switch);
    }

    private void Deliver((string Kind, ulong Epoch, int Page, int Version) message)
    {
        switch (message.Kind)
        {
            case "offer":
                Destination(DestinationEvent.Offer);
                break;
            case "content":
                if (!_runsAtDestination) _copied[message.Page] = message.Version;
                break;
            case "discard":
                if (!_runsAtDestination) _copied[message.Page] = -1;
                break;
            case "handover":
                Destination(DestinationEvent.HandOver, message.Epoch);
                break;
            case "abandon":
                Destination(DestinationEvent.Abandoned);
                break;
            case "verdict":
                Destination(DestinationEvent.Verdict);
                break;
        }
    }

    private void Deliver((string Kind, ulong Epoch) message)
    {
        SourceEvent happened = Enum.Parse<SourceEvent>(message.Kind);
        Source(happened, message.Epoch);
    }

    private void Source(SourceEvent happened, ulong epoch = 0, ulong destination = 0)
    {
        foreach (SourceAct act in _source.Step(happened, epoch, destination).ToArray())
        {
            switch (act)
            {
                case SourceAct.SendOffer:
                    Send(("offer", 0, 0, 0));
                    break;
                case SourceAct.BeginCopy:
                    _copies = true;
                    Array.Fill(_stale, true);
                    break;
                case SourceAct.StopGuest:
                    _copies = false;
                    _work.Enqueue(() =>
                    {
                        _runsAtSource = false;
                        Source(SourceEvent.GuestStopped);
                    });
                    break;
                case SourceAct.SendHandOver:
                    for (int page = 0; page < Pages; page++) Send(("discard", 0, page, 0), isSent: _stale[page]);
                    Send(("handover", _source.Epoch, 0, 0));
                    break;
                case SourceAct.ResumeGuest:
                    // Stopping and resuming follow each other in the carrier.
                    while (_work.Count > 0) _work.Dequeue()();
                    _runsAtSource = true;
                    break;
                case SourceAct.Check:
                    _work.Enqueue(() => Source(SourceEvent.Checked));
                    break;
                case SourceAct.SendVerdict:
                    Send(("verdict", 0, 0, 0));
                    break;
                case SourceAct.SendAbandon:
                    Send(("abandon", 0, 0, 0));
                    break;
                case SourceAct.CloseLink:
                    Cut();
                    break;
            }
        }
    }

    private void Send((string, ulong, int, int) message, bool isSent = true)
    {
        if (isSent && _isSourceUp) _toDestination.Enqueue(message);
    }

    private void Destination(DestinationEvent happened, ulong epoch = 0)
    {
        foreach (DestinationAct act in _destination.Step(happened, epoch).ToArray())
        {
            switch (act)
            {
                case DestinationAct.RejectLink:
                    _isDestinationUp = false;
                    break;
                case DestinationAct.Prepare:
                    _work.Enqueue(() => Destination(DestinationEvent.Prepared));
                    break;
                case DestinationAct.SendOfferTaken:
                    Answer(SourceEvent.OfferTaken);
                    break;
                case DestinationAct.DropMemory:
                    Array.Fill(_copied, -1);
                    break;
                case DestinationAct.Load:
                    ulong loading = _destination.Epoch;
                    DestinationEvent result = Next(10) == 0 ? DestinationEvent.LoadFailed : DestinationEvent.Loaded;
                    _work.Enqueue(() => Destination(result, loading));
                    break;
                case DestinationAct.SendAccepted:
                    Answer(SourceEvent.Accepted, _destination.Epoch);
                    break;
                case DestinationAct.Run:
                    _runsAtDestination = HasMoved = true;
                    for (int page = 0; page < Pages; page++)
                    {
                        if (_copied[page] >= 0 && _copied[page] != _written[page])
                            Violation ??= $"page {page} is old: {_copied[page]}, and the guest has written {_written[page]}";
                    }

                    _work.Enqueue(() => Destination(DestinationEvent.AllInstalled));
                    _work.Enqueue(() => Destination(DestinationEvent.GuestEnded));
                    break;
                case DestinationAct.SendRefused:
                    Answer(SourceEvent.Refused, epoch);
                    break;
                case DestinationAct.SendComplete:
                    Answer(SourceEvent.Complete, _destination.Epoch);
                    break;
                case DestinationAct.SendFinished:
                    Answer(SourceEvent.Finished, _destination.Epoch);
                    break;
                case DestinationAct.SendBye:
                    Answer(SourceEvent.Bye);
                    break;
                case DestinationAct.SendAbandon:
                    Answer(SourceEvent.Abandoned, _destination.Epoch);
                    break;
            }
        }
    }

    private void Answer(SourceEvent happened, ulong epoch = 0)
    {
        if (_isDestinationUp && !_isLossOnItsWay) _toSource.Enqueue((happened.ToString(), epoch));
    }
}
