using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Userfault;

/// <summary>
/// A thread's operation as the queues of a context see it: an entry with its message, and a thread that continues when it is woken
/// (<c>struct userfaultfd_wait_queue</c>). Queueing allocates nothing.
/// </summary>
internal abstract class QueuedFault : Operation
{
    private QueuedFault? _nextInBucket;

    private protected QueuedFault(Caller caller)
        : base(caller) => Caller = caller;

    /// <summary>The thread.</summary>
    public Caller Caller { get; }

    /// <summary>Flags of its latest fault message.</summary>
    public FaultFlags Flags { get; private protected set; }

    /// <summary>Address as the fault message has it.</summary>
    public ulong MessageAddress { get; private protected set; }

    /// <summary>In which queue of the context the sleeping thread is.</summary>
    internal WaitState WaitState { get; set; }

    internal QueuedFault? NextWaiter { get; set; }

    internal QueuedFault? PreviousWaiter { get; set; }

    internal ref QueuedFault? BucketLink => ref _nextInBucket;

    internal QueuedFault? NextInBucket
    {
        get => _nextInBucket;
        set => _nextInBucket = value;
    }

    /// <summary>In a turn of the context: the thread leaves the queue and tries again.</summary>
    internal void WakeUp()
    {
        OnWoken();
        GoTo(Caller);
    }

    /// <summary>Called in a turn of the context just before the thread is woken.</summary>
    protected virtual void OnWoken()
    {
    }
}
