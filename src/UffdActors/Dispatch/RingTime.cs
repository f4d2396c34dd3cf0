using Akka.Actor;

namespace UffdActors.Dispatch;

/// <summary>
/// The clock and the timer queue that all actors of one dispatcher share: real on a fault loop, virtual on the stepped dispatcher. Akka's
/// own scheduler ticks once a second (hocon/reference.conf), so nothing on the fault path uses it.
/// </summary>
internal abstract class RingTime
{
    /// <summary>Nanoseconds since an arbitrary moment; never goes back.</summary>
    public abstract long Now { get; }

    /// <summary>Sends a message once, not before the delay is over.</summary>
    /// <param name="delay">Delay; not negative.</param>
    /// <param name="target">Receiver.</param>
    /// <param name="message">Message.</param>
    public abstract void After(TimeSpan delay, IActorRef target, object message);
}
