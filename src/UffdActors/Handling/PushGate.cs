using Akka.Actor;

namespace UffdActors.Handling;

/// <summary>
/// Demand first: before each chunk the background push sends one of these through the mailbox of the context, behind every fault that was
/// raised before, and gets it back when the demands that were outstanding there have been served. So no demand ever waits while two
/// chunks begin.
/// </summary>
/// <remarks>
/// A demand that waits for a source with a latency is not delayed by a chunk that is filled meanwhile, and there is nearly always one: then
/// the gate goes behind the faults that were raised before, and comes back at once.
/// </remarks>
/// <param name="push">The push that waits.</param>
/// <param name="waits">False if it is to pass behind the faults raised before, without waiting for them.</param>
internal sealed class PushGate(IActorRef push, bool waits = true)
{
    private long _firstLater;
    private int _left;

    /// <summary>The push that waits.</summary>
    public IActorRef Push { get; } = push;

    /// <summary>Begins to wait for demands.</summary>
    /// <param name="demands">How many are outstanding.</param>
    /// <param name="firstLater">Id of the next one to come, which is not waited for.</param>
    /// <returns>True if there is nothing to wait for.</returns>
    public bool Begin(int demands, long firstLater)
    {
        _left = demands;
        _firstLater = firstLater;
        return !waits || demands == 0;
    }

    /// <summary>A demand has been served, or was given up.</summary>
    /// <returns>True if it was the last one that was waited for.</returns>
    public bool Served(long id) => id < _firstLater && --_left == 0;

    /// <summary>Lets the push go on.</summary>
    public void Open() => Push.Tell(this, ActorRefs.NoSender);
}
