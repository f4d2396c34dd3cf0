using Akka.Actor;

namespace UffdActors.Dispatch;

/// <summary>
/// The clock and the timer queue that all actors of one dispatcher share: real on a fault loop, virtual on the stepped dispatcher. Akka's
/// own scheduler ticks at 10 ms, so nothing on the fault path uses it.
/// </summary>
public abstract class RingTime
{
    /// <summary>Nanoseconds since an arbitrary moment; never goes back.</summary>
    public abstract long Now { get; }

    /// <summary>Sends a message once, not before the delay is over.</summary>
    /// <param name="delay">Delay; not negative.</param>
    /// <param name="target">Receiver.</param>
    /// <param name="message">Message.</param>
    public abstract void After(TimeSpan delay, IActorRef target, object message);
}

/// <summary>Messages that wait for their time, earliest first; among equals the older one.</summary>
internal sealed class TimerQueue
{
    private readonly PriorityQueue<(IActorRef Target, object Message), (long Due, long Order)> _timers = new();
    private long _order;

    /// <summary>True if no message waits.</summary>
    public bool IsEmpty => _timers.Count == 0;

    /// <summary>When the next message is due; <see cref="long.MaxValue"/> if none is.</summary>
    public long NextDue => _timers.TryPeek(out _, out (long Due, long) next) ? next.Due : long.MaxValue;

    public void Add(long due, IActorRef target, object message) => _timers.Enqueue((target, message), (due, _order++));

    /// <summary>Forgets all messages.</summary>
    public void Clear()
    {
        _timers.Clear();
        _order = 0;
    }

    /// <summary>Sends what is due.</summary>
    public void Fire(long now)
    {
        while (NextDue <= now)
        {
            (IActorRef target, object message) = _timers.Dequeue();
            target.Tell(message, ActorRefs.NoSender);
        }
    }
}
