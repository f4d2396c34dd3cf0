using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Dispatch;

namespace UffdActors.Dispatch.Stepping;

/// <summary>
/// Runs every actor of a system on the thread that calls it: one message a step, the next mailbox chosen by a policy, on virtual time.
/// With the same policy and seed, a run is the same in every process.
/// </summary>
/// <remarks>
/// Holds only if every dispatcher of the system is this one, loggers are empty, and nothing awaits, asks or pipes. The runnable mailboxes
/// are kept in the order in which they became runnable; nothing depends on hashes, names or uids.
/// </remarks>
internal sealed class SteppedLoop : RingTime
{
    private readonly List<SteppedTask> _ready = [];
    private readonly TimerQueue _timers = new();
    private readonly ConcurrentQueue<IRunnable> _strays = new();
    private readonly Thread _thread = Thread.CurrentThread;
    private ISteppedPolicy _policy = new FifoPolicy();
    private long _now;
    private bool _mayTake;
    private bool _strayed;
    private volatile bool _ending;

    internal SteppedLoop()
    {
    }

    /// <summary>Chooses what runs next.</summary>
    public ISteppedPolicy Policy
    {
        get => _policy;
        set => _policy = value ?? throw new ArgumentNullException(nameof(value));
    }

    /// <summary>Steps made so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Virtual time; moves only when timers fire.</summary>
    public override long Now => _now;

    /// <summary>The stepped loop of a system whose configuration has one.</summary>
    /// <exception cref="InvalidOperationException">The system is not a stepped one.</exception>
    public static SteppedLoop Of(ActorSystem system) =>
        SteppedLoops.Of(system).Loop
            ?? throw new InvalidOperationException($"Actor system {system.Name} does not run on the stepped dispatcher.");

    /// <inheritdoc />
    public override void After(TimeSpan delay, IActorRef target, object message) =>
        _timers.Add(_now + (delay.Ticks * TimeSpan.NanosecondsPerTick), target, message);

    /// <summary>Makes one step: one message of one actor.</summary>
    /// <returns>False if nothing is runnable.</returns>
    /// <exception cref="NondeterministicRunException">Another thread has interfered.</exception>
    public bool Step()
    {
        if (Volatile.Read(ref _strayed))
            throw new NondeterministicRunException(
                "A task arrived from another thread; a stepped system must not await, ask, pipe or log.");
        if (_ready.Count == 0) return false;
        int index = _policy.Choose(_ready);
        IRunnable task = _ready[index].Task;
        _ready.RemoveAt(index);
        Steps++;
        _mayTake = true;
        task.Run();
        _mayTake = false;
        return true;
    }

    /// <summary>Steps until nothing is runnable; timers do not fire.</summary>
    public void RunUntilQuiet()
    {
        while (Step())
        {
        }
    }

    /// <summary>Moves virtual time to the next timer and fires it.</summary>
    /// <returns>False if no timer is set.</returns>
    public bool FireNextTimer()
    {
        if (_timers.IsEmpty) return false;
        _now = Math.Max(_now, _timers.NextDue);
        _timers.Fire(_now);
        return true;
    }

    /// <summary>True if a timer is set.</summary>
    internal bool HasTimers => !_timers.IsEmpty;

    /// <summary>
    /// Ends an exploring run: its timers never fire, and the next run begins at the same virtual time and step as the first.
    /// </summary>
    internal void Rewind()
    {
        _timers.Clear();
        _now = 0;
        Steps = 0;
    }

    /// <summary>Steps, and fires timers whenever nothing else is runnable, until a condition holds.</summary>
    /// <param name="done">Asked after every step.</param>
    /// <param name="limit">Steps at the most.</param>
    /// <returns>False if nothing was left to run, or the limit was reached, before the condition held.</returns>
    public bool RunUntil(Func<bool> done, long limit = long.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(done);
        for (; limit > 0; limit--)
        {
            if (done()) return true;
            if (!Step() && !FireNextTimer()) return done();
        }

        return done();
    }

    /// <summary>Runs the end of the system: other threads take part in it, so it is not repeatable.</summary>
    internal void RunToEnd(Task terminated)
    {
        _ending = true;
        _strayed = false;
        while (!terminated.IsCompleted)
        {
            while (_strays.TryDequeue(out IRunnable? stray)) Add(stray);
            if (!Step()) _ = Thread.Yield();
        }
    }

    /// <summary>A mailbox has become runnable.</summary>
    internal void Execute(IRunnable task)
    {
        if (Thread.CurrentThread == _thread)
        {
            Add(task);
            return;
        }

        _strays.Enqueue(task);
        if (!_ending) Volatile.Write(ref _strayed, true);
    }

    private void Add(IRunnable task) => _ready.Add(new SteppedTask(task, _ready.Count == 0 ? 0 : _ready[^1].Order + 1));

    /// <summary>Lets a mailbox take one message a step, whatever throughput is configured for it.</summary>
    internal bool TryTake()
    {
        bool may = _mayTake;
        _mayTake = false;
        return may;
    }
}
