using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Model.Inputs;

namespace UffdActors.Actors;

/// <summary>
/// How a background push waits: after a refusal, after failures, and when it has paused. A push is alone, so it is its own probe.
/// </summary>
/// <param name="vm">What the actors of the VM share.</param>
/// <param name="options">The push.</param>
/// <param name="wanted">The pages that are still to be brought.</param>
/// <param name="self">Its actor.</param>
internal sealed class PushWaits(VmContext vm, PushOptions options, WantedPages wanted, IActorRef self)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    private readonly Retries _retries = new(vm, self, options.Context);
    private readonly Outage _source = options.Watch?.Outage ?? options.Reader.Outages.Unnamed;
    private readonly Outage _fills = options.Reader.Outages.Fills;
    private readonly Waiter _push = Waiter.Push(options.Region);
    private int _attempts;
    private int _losses;
    private int _pauses;
    private int _probes;

    /// <summary>Waits for the demands that have been raised, but not for ever for one whose page cannot be had.</summary>
    /// <param name="waits">Until they are served; false until they have been passed on.</param>
    /// <returns>What the wait ends with.</returns>
    public PushGate ForDemands(bool waits)
    {
        PushGate gate = new(self, waits);
        if (options.OnOwnThread)
        {
            // No demand is behind this chunk.
            self.Tell(gate, ActorRefs.NoSender);
            return gate;
        }

        options.Context.Tell(gate, ActorRefs.NoSender);
        vm.Time.After(Patience, self, gate);
        return gate;
    }

    /// <summary>An event is unread, or what is left is being filled on demand.</summary>
    /// <returns>True: the push goes on after a while.</returns>
    public bool Delay()
    {
        _retries.After(_attempts++, options.Region, VmProtocol.Resume.Instance);
        return true;
    }

    /// <summary>The page source has answered.</summary>
    public void SourceAnswers()
    {
        _losses = 0;
        if (_source.IsOn) Succeeded(_source);
    }

    /// <summary>Something has been filled.</summary>
    public void Filled()
    {
        _attempts = 0;
        if (_fills.IsOn) Succeeded(_fills);
    }

    /// <summary>The page source has failed.</summary>
    /// <returns>True if it is asked again after a while; false if the push pauses.</returns>
    public bool SourceFailed(Exception reason) => Failed(_source, ForeignText.Of(reason), reason);

    /// <summary>A fill has had no effect.</summary>
    /// <param name="what">Which; part of a sentence.</param>
    /// <returns>True if it is tried again after a while; false if the push pauses.</returns>
    public bool Fruitless(string what) => Failed(_fills, what, null);

    /// <summary>
    /// The page source has not answered an order, but failed. A page that is lost is passed over; which one it is of several shows when
    /// they are asked for by themselves.
    /// </summary>
    /// <returns>True if the push goes on after a while; false if it pauses.</returns>
    public bool OrderFailed(PushOrder order)
    {
        Exception failure = order.Failure!;
        bool isOne = order.Pages == options.UnitPages;
        if (failure is not PageLostException)
            return Failed(_source, isOne ? $"page {order.FirstPage}: {ForeignText.Of(failure)}" : ForeignText.Of(failure), failure);
        if (isOne && wanted.Lose(order.FirstPage)) vm.Incidents.Report(PushIncidents.Lost(options.Region, order, failure));
        _retries.After(_losses++, options.Region, VmProtocol.Resume.Instance);
        return true;
    }

    /// <summary>Nothing is left to bring but what the source has lost.</summary>
    /// <returns>False: the push pauses until <c>recover</c>.</returns>
    public bool Lost()
    {
        _pauses++;
        return false;
    }

    /// <summary>True if a message ends the pause: what has ended one must not end a later one.</summary>
    public bool Ends(object message) =>
        message is VmProtocol.Recover || (message is VmProtocol.ProbePush probe && probe.Pause == _pauses);

    /// <summary>The push is over, and is not waited for any more.</summary>
    public void Forget()
    {
        _retries.Forget(_source, _push);
        _retries.Forget(_fills, _push);
    }

    private bool Failed(Outage outage, string what, Exception? reason)
    {
        if (_retries.Failed(outage, _push, what, reason, out int failures))
        {
            _retries.After(failures, options.Region, VmProtocol.Resume.Instance);
            return true;
        }

        _pauses++;
        if (outage.Resumes)
            vm.Time.After(Backoff.ProbeDelay(_probes++, options.Region), self, new VmProtocol.ProbePush(_pauses));
        return false;
    }

    private void Succeeded(Outage outage)
    {
        _probes = 0;
        _retries.Succeeded(outage, _push);
    }
}
