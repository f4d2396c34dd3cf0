namespace UffdActors.PostCopy.Migration;

/// <summary>
/// The destination's half of a hand-over: when the guest may run here (WIRE.md, W1 to W6). Pure: takes an event and its epoch, returns the
/// actions.
/// </summary>
/// <remarks>
/// <code>
/// Waiting ─ Offer ─► Preparing ─► Ready ─ HandOver(n), n not refused ─► Loading ─► Running(n) ─► Complete ─► Ended
///    ▲                               │                                     │
///    └─────────── link lost ─────────┴──── link lost: n is refused ────────┘
/// </code>
/// </remarks>
internal sealed class DestinationMachine(HandOverFlaw flaw = HandOverFlaw.None)
{
    private readonly List<DestinationAct> _acts = [];
    private ulong _refusedUpTo;
    private bool _hasEnded;

    /// <summary>Where it is.</summary>
    public DestinationPhase Phase { get; private set; }

    /// <summary>The epoch that is loaded or runs; 0 for none.</summary>
    public ulong Epoch { get; private set; }

    /// <summary>True while there is a link.</summary>
    public bool IsLinked { get; private set; }

    /// <summary>True if the guest runs here, or has run to its end.</summary>
    public bool HasGuest => Epoch > 0 && Phase is DestinationPhase.Running or DestinationPhase.Complete;

    /// <summary>True if every page has been installed.</summary>
    public bool IsDelivered { get; private set; }

    /// <summary>Takes an event.</summary>
    /// <param name="happened">What has happened.</param>
    /// <param name="epoch">The epoch that it names.</param>
    /// <returns>What is to be done, in this order; valid until the next call.</returns>
    public IReadOnlyList<DestinationAct> Step(DestinationEvent happened, ulong epoch = 0)
    {
        _acts.Clear();
        if (Phase == DestinationPhase.Ended) return _acts;
        switch (happened)
        {
            case DestinationEvent.LinkUp:
                OnLinkUp(epoch);
                break;
            case DestinationEvent.LinkDown:
                OnLinkDown();
                break;
            case DestinationEvent.Offer when Phase == DestinationPhase.Waiting && IsLinked:
                Phase = DestinationPhase.Preparing;
                Do(DestinationAct.Prepare);
                break;
            case DestinationEvent.Prepared when Phase == DestinationPhase.Preparing:
                Phase = DestinationPhase.Ready;
                Do(DestinationAct.SendOfferTaken);
                break;
            case DestinationEvent.PrepareFailed when Phase == DestinationPhase.Preparing:
                Do(DestinationAct.SendRejected);
                End();
                break;
            case DestinationEvent.HandOver:
                OnHandOver(epoch);
                break;
            case DestinationEvent.Loaded when Phase == DestinationPhase.Loading && epoch == Epoch:
                Phase = DestinationPhase.Running;
                Do(DestinationAct.SendAccepted);
                Do(DestinationAct.Run);
                break;
            case DestinationEvent.LoadFailed when Phase == DestinationPhase.Loading && epoch == Epoch:
                // The refusal stays in force until it has reached the source: by Refused, or by the Welcome of a later link.
                RefuseLoading();
                Phase = DestinationPhase.Waiting;
                Do(DestinationAct.SendRefused);
                Do(DestinationAct.DropMemory);
                break;
            case DestinationEvent.AllInstalled when Phase == DestinationPhase.Running:
                Phase = DestinationPhase.Complete;
                IsDelivered = true;
                if (IsLinked) Do(DestinationAct.SendComplete);
                if (IsLinked && _hasEnded) Do(DestinationAct.SendFinished);
                break;
            case DestinationEvent.GuestEnded when HasGuest:
                _hasEnded = true;
                if (Phase == DestinationPhase.Complete && IsLinked) Do(DestinationAct.SendFinished);
                break;
            case DestinationEvent.GuestFailed when HasGuest:
                if (IsLinked) Do(DestinationAct.SendAbandon);
                End();
                break;
            case DestinationEvent.Verdict when Phase == DestinationPhase.Complete:
                Do(DestinationAct.SendBye);
                End();
                break;
            case DestinationEvent.Abandon or DestinationEvent.AbandonWithLoss:
                OnAbandon(happened == DestinationEvent.AbandonWithLoss);
                break;
            case DestinationEvent.Abandoned:
                End();
                break;
        }

        return _acts;
    }

    private void OnLinkUp(ulong handedOver)
    {
        // The source's epoch is not the one that runs here, so it is another source.
        if (HasGuest && handedOver != Epoch)
        {
            Do(DestinationAct.RejectLink);
            return;
        }

        IsLinked = true;
        if (!HasGuest) _refusedUpTo = Math.Max(_refusedUpTo, handedOver);
        Do(DestinationAct.SendWelcome);
        if (Phase != DestinationPhase.Complete || flaw == HandOverFlaw.EndToldOnce) return;
        Do(DestinationAct.SendComplete);
        if (_hasEnded) Do(DestinationAct.SendFinished);
    }

    private void OnLinkDown()
    {
        IsLinked = false;
        switch (Phase)
        {
            case DestinationPhase.Preparing or DestinationPhase.Ready:
                break;
            case DestinationPhase.Loading:
                if (flaw == HandOverFlaw.RunAfterWelcome) return;
                RefuseLoading();
                break;
            default:
                return;
        }

        Phase = DestinationPhase.Waiting;
        Do(DestinationAct.DropMemory);
    }

    private void OnHandOver(ulong epoch)
    {
        if (!IsLinked) return;
        if (Phase == DestinationPhase.Ready && epoch > _refusedUpTo)
        {
            Epoch = epoch;
            Phase = DestinationPhase.Loading;
            Do(DestinationAct.Load);
        }
        else if (!HasGuest)
        {
            _refusedUpTo = Math.Max(_refusedUpTo, epoch);
            Do(DestinationAct.SendRefused);
        }
    }

    private void OnAbandon(bool withLoss)
    {
        if (Phase == DestinationPhase.Running && !withLoss)
        {
            Do(DestinationAct.RefuseCommand);
            return;
        }

        if (!HasGuest) Epoch = 0;
        if (IsLinked) Do(DestinationAct.SendAbandon);
        End();
    }

    private void RefuseLoading()
    {
        _refusedUpTo = Math.Max(_refusedUpTo, Epoch);
        Epoch = 0;
    }

    private void End()
    {
        Phase = DestinationPhase.Ended;
        Do(DestinationAct.End);
    }

    private void Do(DestinationAct act) => _acts.Add(act);
}
