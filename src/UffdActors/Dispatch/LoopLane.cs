using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Dispatch;

namespace UffdActors.Dispatch;

/// <summary>
/// The part that one VM has in a fault loop which several share: a queue of its own, of which a slice is run when its turn comes. Lanes
/// take turns, and between two slices the loop looks at its inbox, timers and poller: so a VM waits for one slice of each other VM at the
/// most, however many faults those raise.
/// </summary>
/// <remarks>
/// An exception that leaves a run fails the VM of this lane alone. One that leaves the loop itself (a poller) fails those of all lanes.
/// </remarks>
internal sealed class LoopLane : VmLoop, IRunnable
{
    private readonly FaultLoop _loop;
    private readonly int _runsPerSlice;
    private readonly long _sliceNanoseconds;
    private readonly ConcurrentQueue<IRunnable> _inbox = new();
    private readonly RunQueue _runs = new(InitialRuns);
    private readonly Call _call;
    private int _isCalled;
    private bool _isQueued;

    // An idle VM has next to nothing in its queue.
    private const int InitialRuns = 16;

    public LoopLane(FaultLoop loop, FaultLoopSettings settings)
    {
        _loop = loop;
        _runsPerSlice = settings.RunsPerRound;
        _sliceNanoseconds = settings.RoundTimeNanoseconds;
        _call = new Call(this);
        loop.Failed += e => Failed?.Invoke(e);
    }

    /// <inheritdoc />
    public override event Action<Exception>? Failed;

    /// <summary>The loop that it is a part of.</summary>
    public FaultLoop Loop => _loop;

    /// <inheritdoc />
    public override LoopWaiter Waiter => _loop.Waiter;

    /// <inheritdoc />
    public override int? Cpu => _loop.Cpu;

    /// <inheritdoc />
    public override long Now => _loop.Now;

    /// <inheritdoc />
    public override void After(TimeSpan delay, IActorRef target, object message) => _loop.After(delay, target, message);

    /// <summary>Runs a task in a slice of this lane.</summary>
    public void Execute(IRunnable task)
    {
        if (ReferenceEquals(FaultLoop.Current, _loop))
        {
            _runs.Push(task);
            if (_isQueued) return;
            _isQueued = true;
            _loop.Execute(this);
            return;
        }

        _inbox.Enqueue(task);
        // One call a slice, by the first that adds a task.
        if (Interlocked.Exchange(ref _isCalled, 1) == 0) _loop.Execute(_call);
    }

    /// <summary>Runs a slice. On the loop's thread.</summary>
    public void Run()
    {
        try
        {
            RunSlice();
        }
        catch (Exception e)
        {
            Failed?.Invoke(e);
        }

        _isQueued = !_runs.IsEmpty;
        // Behind the other lanes.
        if (_isQueued) _loop.Execute(this);
    }

    void IThreadPoolWorkItem.Execute() => Run();

    // The clock is read behind each run: a few of them may be many fills.
    private void RunSlice()
    {
        long end = Now + _sliceNanoseconds;
        for (int i = 0; i < _runsPerSlice && _runs.TryPop(out IRunnable task); i++)
        {
            task.Run();
            if (_loop.LooksNext) return;
            if (Now < end) continue;
            // Others have waited for as long: also those of whose faults nothing is known yet.
            _loop.LookNext();
            return;
        }
    }

    /// <summary>Takes in what other threads have added.</summary>
    private sealed class Call(LoopLane lane) : IRunnable
    {
        public void Run()
        {
            // A full fence: a task that is not seen below is behind this, and its thread calls again.
            _ = Interlocked.Exchange(ref lane._isCalled, 0);
            while (lane._inbox.TryDequeue(out IRunnable? task)) lane.Execute(task);
        }

        public void Execute() => Run();
    }
}
