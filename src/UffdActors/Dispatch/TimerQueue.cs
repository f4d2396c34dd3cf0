using Akka.Actor;

namespace UffdActors.Dispatch;

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
