namespace UffdActors.Dispatch;

/// <summary>What runs the actors of one VM: a fault loop of its own, or a lane of one that several VMs share.</summary>
internal abstract class VmLoop : RingTime
{
    /// <summary>
    /// An exception has left a run, or the loop itself: a bug of ours. Raised on the loop's thread. What every VM of the loop is told when
    /// the loop fails, and one alone when a run of its own does.
    /// </summary>
    public abstract event Action<Exception>? Failed;

    /// <summary>How the loop sleeps, and what it polls.</summary>
    public abstract LoopWaiter Waiter { get; }

    /// <summary>CPU that the loop's thread is bound to; null for any.</summary>
    public abstract int? Cpu { get; }
}
