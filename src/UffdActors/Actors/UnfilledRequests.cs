using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Model.Inputs;

namespace UffdActors.Actors;

/// <summary>
/// What becomes of a handler's request whose page is not filled now: another attempt later (RING P3), a pause until another attempt
/// succeeds or <c>recover</c> is called, or back to the context, which wakes the page's threads.
/// </summary>
/// <param name="vm">What the actors of the VM share.</param>
/// <param name="options">The handler.</param>
/// <param name="watch">What is known of its page source.</param>
/// <param name="self">The handler's actor.</param>
internal sealed class UnfilledRequests(VmContext vm, HandlerOptions options, SourceWatch watch, IActorRef self)
{
    /// <summary>Attempts after which a fill that waits for an event to be read is reported; about a second of back-off.</summary>
    private const int PatientAttempts = 16;

    private readonly Retries _retries = new(vm, self, options.Context);

    /// <summary>Does what was decided about a request that is not filled now.</summary>
    public void Leave(PageRequest request, Resolution step)
    {
        switch (step)
        {
            case Resolution.Wake:
                Dismiss(request);
                break;
            case Resolution.Defer:
                Defer(request);
                break;
            case Resolution.WaitOut:
                // Longer and longer over all the faults that came again: of each of them this is the first attempt.
                Fruitless(request, request.StreakError, request.Streak);
                break;
            case Resolution.OwnerGone:
                OwnerGone(request);
                break;
            default:
                Pause(request, RequestIncidents.Refused(request, request.Error));
                break;
        }
    }

    /// <summary>Nothing is left to do for the handler: the context wakes the page's threads, and they look for themselves.</summary>
    public void Dismiss(PageRequest request)
    {
        request.GiveUpClaim();
        // One of before a crash has been forgotten already; by now another request for its page may wait in the outage.
        if (watch.Outage.IsOn && request.Incarnation == options.Slot.Incarnation) _retries.Forget(watch.Outage, Waiter.Of(request));
        request.Phase = RequestPhase.Dismissed;
        options.Context.Tell(request, ActorRefs.NoSender);
    }

    /// <summary>Something else has to happen first: an event is unread, or the push is at work on the page.</summary>
    public void Defer(PageRequest request)
    {
        if (++request.Attempts == PatientAttempts) vm.Incidents.Report(RequestIncidents.Delayed(request));
        if (options.Reader.IsHeldBack) options.Context.Tell(VmProtocol.ReadOn.Instance, ActorRefs.NoSender);
        RetryAfter(request, request.Attempts);
    }

    /// <summary>The page source has failed.</summary>
    public void SourceFailed(PageRequest request, Exception failure)
    {
        request.Attempts++;
        WaitOut(request, watch.Outage, ForeignText.Of(failure), failure, 0);
    }

    /// <summary>The page source has answered while it has an outage.</summary>
    public void SourceAnswers(PageRequest request) => _retries.Succeeded(watch.Outage, Waiter.Of(request));

    /// <summary>A fill has had no effect, and its page is waited for all the same.</summary>
    /// <param name="request">The request of the page.</param>
    /// <param name="error">Its errno.</param>
    /// <param name="attempts">How often this has happened, over all the faults that came again.</param>
    public void Fruitless(PageRequest request, Errno error, int attempts) =>
        WaitOut(request, options.Reader.Outages.Fills, RequestIncidents.Fruitless(request, error), null, attempts);

    /// <summary>No retry can mend it: the threads wait, and it has been said why.</summary>
    public void Pause(PageRequest request, Incident incident)
    {
        Waiter waiter = Waiter.Of(request);
        request.GiveUpClaim();
        request.PausedBy = null;
        options.Reader.Paused(request);
        request.Phase = RequestPhase.Paused;
        vm.Incidents.Report(incident);
        DropIfGone(waiter);
    }

    /// <summary>
    /// No thread waits any more, and nothing can be filled: pauses without an incident, for one has been reported for all pages.
    /// </summary>
    public void OwnerGone(PageRequest request)
    {
        options.Reader.Owner.Gone();
        request.GiveUpClaim();
        options.Reader.Outages.Forget(Waiter.Of(request), vm.Time.Now);
        request.PausedBy = null;
        request.Phase = RequestPhase.Paused;
        options.Reader.Paused(request);
    }

    /// <summary>What has failed may succeed later: tries again later and later, until the patience is over.</summary>
    private void WaitOut(PageRequest request, Outage outage, string what, Exception? reason, int attempts)
    {
        bool isTriedAgain = _retries.Failed(outage, Waiter.Of(request), what, reason, out int failures);
        // It has been reported: that is no fault that is late.
        if (outage.IsReported) options.Reader.Paused(request);
        if (isTriedAgain) RetryAfter(request, Math.Max(attempts, failures));
        else PauseIn(request, outage);
    }

    private void RetryAfter(PageRequest request, int attempts)
    {
        request.Phase = RequestPhase.Deferred;
        _retries.After(attempts, request.Id, new RetryRequest(request));
    }

    /// <summary>The patience is over, which has been reported: the page waits until another attempt succeeds.</summary>
    private void PauseIn(PageRequest request, Outage outage)
    {
        Waiter waiter = Waiter.Of(request);
        long id = request.Id;
        request.GiveUpClaim();
        request.PausedBy = outage;
        options.Reader.Paused(request);
        request.Phase = RequestPhase.Paused;
        // On other threads it may have ended in between.
        if (!outage.Holds(waiter)) options.Context.Tell(new VmProtocol.Release(outage), ActorRefs.NoSender);
        else if (outage.TryBeginProbing()) vm.Time.After(outage.ProbeDelay(id), options.Context, new VmProtocol.Probe(outage));
        DropIfGone(waiter);
    }

    // The event that says so may have been read while it was still being tried.
    private void DropIfGone(Waiter waiter)
    {
        Interlocked.MemoryBarrier();
        if (!options.Reader.IsServed(waiter)) options.Context.Tell(VmProtocol.DropGone.Instance, ActorRefs.NoSender);
    }
}
