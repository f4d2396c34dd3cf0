using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Dispatch;

namespace UffdActors.Dispatch;

/// <summary>
/// One OS thread that runs the mailboxes of all actors of a VM. A message between two of them is a push to a queue of this thread and
/// needs no wake-up; one from outside goes through an inbox and wakes the thread if it sleeps.
/// </summary>
/// <remarks>
/// <para>
/// Fair: after <see cref="FaultLoopSettings.RunsPerRound"/> runs, or <see cref="FaultLoopSettings.RoundTime"/>, it looks at its inbox,
/// its timers and its poller without blocking; a ring that never rests would otherwise starve timers and poller.
/// </para>
/// <para>
/// The thread starts with the first task, and ends when the dispatcher shuts down; a later task starts another one. An exception that
/// leaves a run (or a poller) ends nothing: it is reported, and the VMs of the loop fail closed.
/// </para>
/// </remarks>
internal sealed class FaultLoop : VmLoop
{
    [ThreadStatic]
    private static FaultLoop? _current;

    private readonly string _name;
    private readonly FaultLoopSettings _settings;
    private readonly ConcurrentQueue<IRunnable> _inbox = new();
    private readonly RunQueue _runs = new();
    private readonly TimerQueue _timers = new();
    private readonly Lock _gate = new();
    private readonly LoopWaiter _waiter;
    private Thread? _thread;
    private int _sleeping;
    private volatile bool _stopping;
    private bool _looksNow;

    public FaultLoop(string name, FaultLoopSettings settings, Action<Exception>? onFailure = null, LoopWaiter? waiter = null)
    {
        _name = name;
        _settings = settings;
        _waiter = waiter ?? new EventWaiter();
        if (onFailure is not null) Failed += onFailure;
    }

    /// <inheritdoc />
    public override event Action<Exception>? Failed;

    /// <summary>The loop whose thread asks, or null.</summary>
    public static FaultLoop? Current => _current;

    /// <inheritdoc />
    public override LoopWaiter Waiter => _waiter;

    /// <inheritdoc />
    public override int? Cpu => _settings.Cpu;

    /// <summary>True if it looks outside after the run that is under way. On the loop's thread.</summary>
    public bool LooksNext => _looksNow;

    /// <inheritdoc />
    public override long Now => MonotonicClock.Nanoseconds;

    /// <summary>Runs a task on the loop's thread.</summary>
    public void Execute(IRunnable task)
    {
        // Identity, not a flag: several loops live in one process.
        if (ReferenceEquals(_current, this))
        {
            _runs.Push(task);
            return;
        }

        _inbox.Enqueue(task);
        if (Volatile.Read(ref _thread) is null || _stopping) Start();
        Kick();
    }

    /// <inheritdoc />
    public override void After(TimeSpan delay, IActorRef target, object message)
    {
        long due = Now + (delay.Ticks * TimeSpan.NanosecondsPerTick);
        if (ReferenceEquals(_current, this)) _timers.Add(due, target, message);
        else Execute(new AddTimer(this, due, target, message));
    }

    /// <summary>
    /// The run that is under way has taken long, as calls over many pages do: the loop looks at its inbox, timers and poller after it, for
    /// what waits there should wait for one of them at the most. On the loop's thread.
    /// </summary>
    public void LookNext() => _looksNow = true;

    /// <summary>Lets the thread end once nothing is left to run. Any thread, any number of times; does not wait.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            if (_thread is null) return;
            _stopping = true;
        }

        Kick();
    }

    private void Start()
    {
        lock (_gate)
        {
            if (_thread is not null)
            {
                _stopping = false;
                return;
            }

            _stopping = false;
            Thread thread = new(Run) { IsBackground = true, Name = _name };
            Volatile.Write(ref _thread, thread);
            thread.Start();
        }
    }

    private void Kick()
    {
        // One wake-up a sleep, by the first thread that adds a task.
        if (Volatile.Read(ref _sleeping) == 1 && Interlocked.Exchange(ref _sleeping, 0) == 1) _waiter.Kick();
    }

    private void Run()
    {
        _current = this;
        _waiter.Begin();
        bool placed = _settings.Cpu is null;
        if (_settings.IsApart)
        {
            CpuPlacement.PlaceAsProcess();
            CpuPlacement.MakeCurrentThreadBackground();
        }

        while (true)
        {
            try
            {
                if (!placed)
                {
                    placed = true;
                    CpuPlacement.PinCurrentThread(_settings.Cpu!.Value);
                }

                while (RunRoundAndLook())
                {
                }

                return;
            }
            catch (Exception e)
            {
                Failed?.Invoke(e);
            }
        }
    }

    /// <returns>False if the thread is to end.</returns>
    private bool RunRoundAndLook()
    {
        RunRound();
        bool found = TakeInbox();
        if (!_timers.IsEmpty) _timers.Fire(Now);
        // Before the poller, so that one which throws cannot keep the thread alive.
        if (_stopping && !found && _runs.IsEmpty && TryEnd()) return false;
        // With nothing left to run, sleeping looks too.
        if (!_runs.IsEmpty) found |= _waiter.Poll();
        if (found || !_runs.IsEmpty) return true;
        if (!BusyPoll()) Sleep();
        return true;
    }

    private void RunRound()
    {
        long end = 0;
        for (int i = 1; i <= _settings.RunsPerRound && _runs.TryPop(out IRunnable task); i++)
        {
            task.Run();
            if (_looksNow)
            {
                _looksNow = false;
                return;
            }

            // Reading the clock costs about half a hop, so not after each.
            if (i % 8 != 0) continue;
            long now = Now;
            if (end == 0) end = now + _settings.RoundTimeNanoseconds;
            else if (now >= end) return;
        }
    }

    private bool TakeInbox()
    {
        if (_inbox.IsEmpty) return false;
        while (_inbox.TryDequeue(out IRunnable? task)) _runs.Push(task);
        return true;
    }

    private bool BusyPoll()
    {
        if (_settings.BusyPollNanoseconds == 0) return false;
        long end = Now + _settings.BusyPollNanoseconds;
        do
        {
            if (!_inbox.IsEmpty || _waiter.Poll() || _stopping) return true;
            if (!_timers.IsEmpty && _timers.NextDue <= Now) return true;
            Thread.SpinWait(8);
        }
        while (Now < end);
        return false;
    }

    private void Sleep()
    {
        long due = _timers.NextDue;
        // Announce first, look again, then sleep: a thread that adds a task either sees the announcement, or its task is seen.
        Interlocked.Exchange(ref _sleeping, 1);
        if (!_inbox.IsEmpty || _stopping)
        {
            Volatile.Write(ref _sleeping, 0);
            return;
        }

        _waiter.Wait(
            due == long.MaxValue ? Timeout.InfiniteTimeSpan : TimeSpan.FromTicks(Math.Max(1, (due - Now) / TimeSpan.NanosecondsPerTick)));
        Volatile.Write(ref _sleeping, 0);
    }

    private bool TryEnd()
    {
        lock (_gate)
        {
            if (!_stopping || !_inbox.IsEmpty) return false;
            // The next VM came just before the end that its predecessor has asked for.
            if (_waiter.IsNeeded)
            {
                _stopping = false;
                return false;
            }

            // No actor is left here that a timer could be for.
            _timers.Clear();
            _waiter.End();
            Volatile.Write(ref _thread, null);
            _current = null;
            return true;
        }
    }

    private sealed class AddTimer(FaultLoop loop, long due, IActorRef target, object message) : IRunnable
    {
        public void Run() => loop._timers.Add(due, target, message);

        public void Execute() => Run();
    }
}
