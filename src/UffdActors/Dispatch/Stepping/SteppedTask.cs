using Akka.Actor;
using Akka.Dispatch;

namespace UffdActors.Dispatch.Stepping;

/// <summary>A runnable mailbox.</summary>
/// <param name="Task">The mailbox, or another task of a dispatcher.</param>
/// <param name="Order">Grows with the time at which it became runnable.</param>
internal readonly record struct SteppedTask(IRunnable Task, long Order)
{
    /// <summary>
    /// Rank of the message that the mailbox would hand out: the priority of the thread whose call it carries. Housekeeping goes before
    /// everything.
    /// </summary>
    public int Rank => Queue?.NextRank ?? -1;

    /// <summary>The actor whose mailbox it is; null for a task that is no mailbox.</summary>
    public IActorRef? Actor => Queue?.Owner;

    /// <summary>What the explorer calls the actor (<see cref="SteppedQueue.Label"/>); -1 for none.</summary>
    internal int Label => Queue?.Label ?? -1;

    /// <summary>The message that the mailbox would hand out; null if only housekeeping waits.</summary>
    public object? Message => Queue?.NextMessage;

    private SteppedQueue? Queue => (Task as Mailbox)?.MessageQueue as SteppedQueue;
}
