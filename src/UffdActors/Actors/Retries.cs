using Akka.Actor;
using UffdActors.Handling;

namespace UffdActors.Actors;

/// <summary>
/// How one that fills, a handler or the background push, goes on after a failure: it tries again later and later (RING P4), until the
/// patience is over; and when it succeeds, the pages that have paused go on too (RING F8).
/// </summary>
/// <param name="vm">What the actors of the VM share.</param>
/// <param name="self">Whose retries they are.</param>
/// <param name="context">The actor of the context.</param>
internal sealed class Retries(VmContext vm, IActorRef self, IActorRef context)
{
    /// <summary>Sends itself a message after a while that grows with the attempts.</summary>
    /// <param name="attempts">Attempts made so far.</param>
    /// <param name="salt">Names what is tried (<see cref="Backoff.Delay(int, long)"/>).</param>
    /// <param name="message">What is to be done then.</param>
    public void After(int attempts, long salt, object message) => vm.Time.After(Backoff.Delay(attempts, salt), self, message);

    /// <summary>An attempt has failed.</summary>
    /// <param name="outage">What is waited out.</param>
    /// <param name="waiter">Who waits.</param>
    /// <param name="what">What has failed; part of a sentence.</param>
    /// <param name="reason">The exception behind it, if there is one.</param>
    /// <param name="failures">How often it has failed by now without success.</param>
    /// <returns>True if it is to be tried again; false if the patience is over, and it pauses.</returns>
    public bool Failed(Outage outage, Waiter waiter, string what, Exception? reason, out int failures) =>
        outage.Failed(waiter, vm.Time.Now, what, reason, out failures);

    /// <summary>An attempt has succeeded while there is an outage: the threads of pages that have paused in it are woken.</summary>
    public void Succeeded(Outage outage, Waiter waiter)
    {
        if (outage.Succeeded(waiter, vm.Time.Now)) context.Tell(new VmProtocol.Release(outage), ActorRefs.NoSender);
    }

    /// <summary>The waiter is not wanted any more.</summary>
    public void Forget(Outage outage, Waiter waiter) => outage.Forget(waiter, vm.Time.Now);
}
