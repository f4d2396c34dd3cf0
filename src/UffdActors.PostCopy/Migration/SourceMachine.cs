namespace UffdActors.PostCopy.Migration;

/// <summary>
/// The source's half of a hand-over: which side may run the guest (WIRE.md, W1 to W7). Pure: takes an event and its epoch, returns the
/// actions.
/// </summary>
/// <remarks>
/// <code>
/// GuestHere ─ Switch ─► Stopping ─► Stopped ─ hand-over(n) ─► InDoubt ─ Accepted(n) ─► Serving ─► Complete ─► Ended
///     ▲                                │                        │
///     └──── link lost ─────────────────┘    Welcome(0) ─► Stopped, and again with n + 1; Refused(n) ─► Ended, the guest stays
/// </code>
/// </remarks>
internal sealed class SourceMachine(bool wantsVerdict = true, HandOverFlaw flaw = HandOverFlaw.None)
{
    private readonly List<SourceAct> _acts = [];
    private bool _isSwitchDue;
    private bool _isOfferTaken;
    private bool _isChecked;
    private bool _hasCheckFailed;
    private UInt128 _destination;
    private UInt128 _handedTo;

    /// <summary>Where it is.</summary>
    public SourcePhase Phase { get; private set; }

    /// <summary>How often the guest was handed over; the number of the latest.</summary>
    public ulong Epoch { get; private set; }

    /// <summary>True while there is a link.</summary>
    public bool IsLinked { get; private set; }

    /// <summary>True if the guest ended up here.</summary>
    public bool KeepsGuest { get; private set; }

    /// <summary>True if the destination has every page.</summary>
    public bool IsDelivered { get; private set; }

    /// <summary>
    /// True if the link leads to another destination than the hand-over did: its answers about that hand-over prove nothing (W7).
    /// </summary>
    public bool IsElsewhere => Epoch > 0 && _destination != _handedTo;

    /// <summary>True if page requests may be answered: the guest does not run here, and will not.</summary>
    public bool ServesPages => Phase is SourcePhase.InDoubt or SourcePhase.Serving or SourcePhase.Complete;

    /// <summary>Takes an event.</summary>
    /// <param name="happened">What has happened.</param>
    /// <param name="epoch">The epoch that it names.</param>
    /// <param name="destination">Which destination a link leads to.</param>
    /// <returns>What is to be done, in this order; valid until the next call.</returns>
    public IReadOnlyList<SourceAct> Step(SourceEvent happened, ulong epoch = 0, UInt128 destination = default)
    {
        _acts.Clear();
        if (Phase == SourcePhase.Ended) return _acts;
        switch (happened)
        {
            case SourceEvent.LinkUp:
                _destination = destination;
                OnLinkUp(epoch);
                break;
            case SourceEvent.LinkDown:
                OnLinkDown();
                break;
            case SourceEvent.OfferTaken:
                OnOfferTaken();
                break;
            case SourceEvent.Switch:
                _isSwitchDue = true;
                SwitchIfDue();
                break;
            case SourceEvent.GuestStopped when Phase == SourcePhase.Stopping:
                OnStopped();
                break;
            case SourceEvent.StopFailed when Phase == SourcePhase.Stopping:
                if (IsLinked) Do(SourceAct.SendAbandon);
                KeepsGuest = true;
                End();
                break;
            case SourceEvent.Accepted when Phase == SourcePhase.InDoubt && epoch == Epoch:
                Phase = SourcePhase.Serving;
                break;
            case SourceEvent.Refused when Phase == SourcePhase.InDoubt && epoch == Epoch:
                // State that could not be loaded once will not load the next time.
                Do(SourceAct.SendAbandon);
                KeepHere();
                break;
            case SourceEvent.Complete when Phase is SourcePhase.InDoubt or SourcePhase.Serving && epoch == Epoch:
                OnComplete();
                break;
            case SourceEvent.Complete when Phase == SourcePhase.Complete && !wantsVerdict:
                Do(SourceAct.SendBye);
                break;
            case SourceEvent.Finished when Phase == SourcePhase.Complete && epoch == Epoch:
                if (_hasCheckFailed) Fail();
                else Do(_isChecked ? SourceAct.SendVerdict : SourceAct.Check);
                break;
            case SourceEvent.Checked when Phase == SourcePhase.Complete:
                _isChecked = true;
                if (IsLinked) Do(SourceAct.SendVerdict);
                break;
            case SourceEvent.CheckFailed when Phase == SourcePhase.Complete:
                // Without a link the destination asks again over the next one.
                _hasCheckFailed = true;
                if (IsLinked) Fail();
                break;
            case SourceEvent.Bye when Phase == SourcePhase.Complete:
                End();
                break;
            case SourceEvent.Abandon:
            case SourceEvent.AbandonWithLoss:
                OnAbandon(happened == SourceEvent.AbandonWithLoss);
                break;
            case SourceEvent.ResumeHere:
                OnResumeHere();
                break;
            case SourceEvent.Abandoned:
                OnAbandoned(epoch);
                break;
        }

        return _acts;
    }

    private void OnLinkUp(ulong running)
    {
        IsLinked = true;
        switch (Phase)
        {
            case SourcePhase.InDoubt or SourcePhase.Serving or SourcePhase.Complete
                when IsElsewhere && flaw != HandOverFlaw.TrustAnother:
                IsLinked = false;
                Do(SourceAct.CloseLink);
                break;
            case SourcePhase.InDoubt when running == Epoch:
                Phase = SourcePhase.Serving;
                break;
            // A Welcome with 0 refuses every hand-over so far.
            case SourcePhase.InDoubt when running == 0:
                Phase = SourcePhase.Stopped;
                Do(SourceAct.SendOffer);
                break;
            case SourcePhase.Serving or SourcePhase.Complete when running == Epoch:
                break;
            case SourcePhase.InDoubt or SourcePhase.Serving or SourcePhase.Complete:
                IsLinked = false;
                Do(SourceAct.CloseLink);
                break;
            default:
                if (running == 0) Do(SourceAct.SendOffer);
                else
                {
                    IsLinked = false;
                    Do(SourceAct.CloseLink);
                }

                break;
        }
    }

    private void OnLinkDown()
    {
        IsLinked = false;
        _isOfferTaken = false;
        // No hand-over was sent, so the guest cannot be running elsewhere.
        if (Phase == SourcePhase.Stopped || (Phase == SourcePhase.InDoubt && flaw == HandOverFlaw.ResumeInDoubt))
            GoOnHere();
    }

    private void OnOfferTaken()
    {
        if (!IsLinked || _isOfferTaken) return;
        _isOfferTaken = true;
        if (Phase == SourcePhase.Stopped)
        {
            HandOver();
            return;
        }

        if (Phase == SourcePhase.GuestHere) Do(SourceAct.BeginCopy);
        SwitchIfDue();
    }

    private void SwitchIfDue()
    {
        if (!_isSwitchDue || !_isOfferTaken || Phase != SourcePhase.GuestHere) return;
        Phase = SourcePhase.Stopping;
        Do(SourceAct.StopGuest);
    }

    private void OnStopped()
    {
        Phase = SourcePhase.Stopped;
        if (_isOfferTaken) HandOver();
        else if (!IsLinked) GoOnHere();
    }

    private void HandOver()
    {
        Epoch++;
        _handedTo = _destination;
        Phase = SourcePhase.InDoubt;
        Do(SourceAct.SendHandOver);
    }

    private void OnComplete()
    {
        Phase = SourcePhase.Complete;
        IsDelivered = true;
        if (!wantsVerdict) Do(SourceAct.SendBye);
    }

    private void OnAbandon(bool withLoss)
    {
        switch (Phase)
        {
            case SourcePhase.GuestHere or SourcePhase.Stopping or SourcePhase.Stopped:
                if (IsLinked) Do(SourceAct.SendAbandon);
                KeepHere();
                break;
            case SourcePhase.Complete:
                End();
                break;
            default:
                if (!withLoss)
                {
                    Do(SourceAct.RefuseCommand);
                    break;
                }

                if (IsLinked) Do(SourceAct.SendAbandon);
                End();
                break;
        }
    }

    private void OnResumeHere()
    {
        // Once the destination has reported that it runs the guest, the memory here is stale, and no command may resume it.
        if (Phase == SourcePhase.InDoubt && !IsLinked) KeepHere();
        else Do(SourceAct.RefuseCommand);
    }

    private void OnAbandoned(ulong ran)
    {
        if (Phase is SourcePhase.GuestHere or SourcePhase.Stopping or SourcePhase.Stopped
            || (Phase == SourcePhase.InDoubt && ran == 0)
            || (flaw == HandOverFlaw.ResumeAfterLoss && Phase == SourcePhase.Serving)) KeepHere();
        else End();
    }

    // The hand-over is still due, and begins again with the next link.
    private void GoOnHere()
    {
        Phase = SourcePhase.GuestHere;
        Do(SourceAct.ResumeGuest);
    }

    private void KeepHere()
    {
        // For a guest that is being stopped, the caller carries out the stop and then this resume, in this order.
        if (Phase != SourcePhase.GuestHere) Do(SourceAct.ResumeGuest);
        KeepsGuest = true;
        End();
    }

    // The destination has every byte; what it reports is that they are not verified.
    private void Fail()
    {
        Do(SourceAct.SendAbandon);
        End();
    }

    private void End()
    {
        Phase = SourcePhase.Ended;
        Do(SourceAct.End);
    }

    private void Do(SourceAct act) => _acts.Add(act);
}
