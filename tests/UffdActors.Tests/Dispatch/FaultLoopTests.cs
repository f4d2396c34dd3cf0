using Akka.Actor;
using Akka.Dispatch;
using UffdActors.Dispatch;

namespace UffdActors.Tests.Dispatch;

/// <summary>The fault loop: fair, kicked once a sleep, found by identity, started again, never ended by an exception.</summary>
public sealed class FaultLoopTests
{
    private static readonly FaultLoopSettings ByRuns = new() { RunsPerRound = 64, RoundTime = TimeSpan.FromHours(1) };

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public void A_task_from_outside_is_served_within_one_round_of_a_ring_that_never_rests(int ring)
    {
        FaultLoop loop = new("busy", ByRuns);
        int runs = 0;
        int sentAt = -1;
        TaskCompletionSource<int> served = new();
        // A ring of tasks that hand on to each other for ever: the loop's own queue is never empty.
        for (int i = 0; i < ring; i++) loop.Execute(new Repeated(loop, () =>
        {
            runs++;
            if (runs == 1000) OnAnotherThread(() => loop.Execute(new Run(() => served.SetResult(runs - sentAt))));
            if (runs == 1000) sentAt = runs;
            return !served.Task.IsCompleted;
        }));

        // It may have come just after a look, and finds the whole ring queued before it.
        Assert.InRange(Within(served.Task), 0, ByRuns.RunsPerRound + ring);
        End(loop);
    }

    [Fact]
    public void The_time_of_a_round_ends_it_too()
    {
        FaultLoop loop = new("slow", new FaultLoopSettings { RunsPerRound = int.MaxValue, RoundTime = TimeSpan.FromTicks(1) });
        TaskCompletionSource<string> served = new();
        loop.Execute(new Repeated(loop, () => !served.Task.IsCompleted));
        loop.Execute(new Run(() => served.SetResult("served")));
        Assert.Equal("served", Within(served.Task));
        End(loop);
    }

    [Fact]
    public void Behind_a_run_that_has_taken_long_descriptors_are_looked_at_before_the_next_one()
    {
        CountingWaiter waiter = new();
        FaultLoop loop = new("bulky", ByRuns, waiter: waiter);
        TaskCompletionSource<(int, int)> looks = new();
        loop.Execute(new Run(() =>
        {
            int before = waiter.Polls;
            loop.Execute(new Run(loop.LookNext));
            loop.Execute(new Run(() => loop.Execute(new Run(() => looks.SetResult((before, waiter.Polls))))));
        }));

        (int first, int last) = Within(looks.Task);
        Assert.Equal(first + 1, last);
        End(loop);
    }

    [Fact]
    public void A_timer_fires_behind_a_ring_that_never_rests()
    {
        using ActorSystem system = ActorSystem.Create("timers", UffdSettings.Reference);
        FaultLoop loop = new("busy", ByRuns);
        Inbox inbox = Inbox.Create(system);
        bool fired = false;
        loop.Execute(new Repeated(loop, () => !Volatile.Read(ref fired)));
        loop.After(TimeSpan.Zero, inbox.Receiver, "tick");
        Assert.Equal("tick", inbox.Receive(Patience));
        Volatile.Write(ref fired, true);
        End(loop);
    }

    [Fact]
    public void A_message_between_two_tasks_of_the_loop_stays_on_its_thread_and_kicks_nobody()
    {
        CountingWaiter waiter = new();
        FaultLoop loop = new("one", ByRuns, waiter: waiter);
        TaskCompletionSource<(Thread First, Thread Second, int Kicks)> done = new();
        loop.Execute(new Run(() =>
        {
            int before = waiter.Kicks;
            Thread first = Thread.CurrentThread;
            loop.Execute(new Run(() => done.SetResult((first, Thread.CurrentThread, waiter.Kicks - before))));
        }));
        (Thread First, Thread Second, int Kicks) seen = Within(done.Task);
        Assert.Same(seen.First, seen.Second);
        Assert.Equal(0, seen.Kicks);
        End(loop);
    }

    [Fact]
    public void Two_loops_of_one_process_keep_their_tasks_apart()
    {
        FaultLoop a = new("a", ByRuns);
        FaultLoop b = new("b", ByRuns);
        TaskCompletionSource<(FaultLoop? Outer, FaultLoop? Inner)> done = new();
        a.Execute(new Run(() =>
        {
            FaultLoop? outer = FaultLoop.Current;
            b.Execute(new Run(() => done.SetResult((outer, FaultLoop.Current))));
        }));
        Assert.Equal((a, b), Within(done.Task));
        Assert.Null(FaultLoop.Current);
        End(a);
        End(b);
    }

    [Fact]
    public void A_sleeping_loop_is_kicked_once_however_many_tasks_arrive()
    {
        CountingWaiter waiter = new() { HoldsOn = true };
        FaultLoop loop = new("sleeper", ByRuns, waiter: waiter);
        loop.Execute(new Run(() => { }));
        waiter.Asleep.Wait(Patience);
        CountdownEvent all = new(100);
        Parallel.For(0, 100, _ => loop.Execute(new Run(() => all.Signal())));
        Assert.Equal(1, waiter.Kicks);
        waiter.HoldsOn = false;
        waiter.Release();
        Assert.True(all.Wait(Patience));
        End(loop);
    }

    [Fact]
    public void An_exception_out_of_a_run_is_reported_and_does_not_end_the_thread()
    {
        List<Exception> failures = [];
        FaultLoop loop = new("clumsy", ByRuns, failures.Add);
        Thread before = Within(ThreadOf(loop));
        loop.Execute(new Run(() => throw new InvalidOperationException("first")));
        loop.Execute(new Run(() => throw new InvalidOperationException("second")));
        Assert.Same(before, Within(ThreadOf(loop)));
        Assert.Equal(["first", "second"], failures.Select(f => f.Message));
        End(loop);
    }

    [Fact]
    public void An_exception_out_of_the_poller_is_reported_and_does_not_end_the_thread()
    {
        TaskCompletionSource<Exception> failed = new();
        CountingWaiter waiter = new() { PollThrows = true };
        FaultLoop loop = new("deaf", ByRuns, e => failed.TrySetResult(e), waiter);
        Thread before = Within(ThreadOf(loop));
        Assert.Equal("poll", Within(failed.Task).Message);
        Assert.Same(before, Within(ThreadOf(loop)));
        End(loop);
        before.Join();
    }

    [Fact]
    public void A_task_after_the_end_starts_the_loop_again()
    {
        FaultLoop loop = new("again", ByRuns);
        Thread first = Within(ThreadOf(loop));
        End(loop);
        first.Join();
        Thread second = Within(ThreadOf(loop));
        Assert.NotSame(first, second);
        End(loop);
        second.Join();
    }

    [Fact]
    public void Stopping_is_idempotent_and_may_come_from_the_loop_itself()
    {
        FaultLoop loop = new("stopped", ByRuns);
        Thread thread = Within(ThreadOf(loop));
        loop.Execute(new Run(loop.Stop));
        Parallel.For(0, 8, _ => loop.Stop());
        thread.Join();
        loop.Stop();
    }

    [Fact]
    public void No_task_is_lost_while_the_loop_is_stopped_and_started()
    {
        FaultLoop loop = new("restless", ByRuns);
        const int Tasks = 4000;
        CountdownEvent all = new(2 * Tasks);
        Parallel.Invoke(
            () => Send(loop, all, Tasks),
            () => Send(loop, all, Tasks),
            () =>
            {
                for (int i = 0; i < Tasks; i++) loop.Stop();
            });
        Assert.True(all.Wait(Patience), $"{all.CurrentCount} tasks were lost");
        End(loop);
    }

    [Fact]
    public async Task A_CPU_that_is_not_there_is_refused_by_name()
    {
        await using UffdRuntime runtime = UffdRuntime.Start();
        UffdConfigurationException refused = await Assert.ThrowsAsync<UffdConfigurationException>(
            () => runtime.CreateVmAsync(new VmOptions { MemoryPages = 1, Cpu = 4095 }));
        Assert.Contains("CPU 4095 is not available", refused.Message, StringComparison.Ordinal);
    }

    // Nothing here takes long; this only keeps a failing test from hanging the run.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private static void Send(FaultLoop loop, CountdownEvent all, int tasks)
    {
        for (int i = 0; i < tasks; i++) loop.Execute(new Run(() => all.Signal()));
    }

    private static Task<Thread> ThreadOf(FaultLoop loop)
    {
        TaskCompletionSource<Thread> done = new();
        loop.Execute(new Run(() => done.SetResult(Thread.CurrentThread)));
        return done.Task;
    }

    private static T Within<T>(Task<T> task)
    {
        Assert.True(task.Wait(Patience), "it hangs");
        return task.Result;
    }

    private static void End(FaultLoop loop) => loop.Stop();

    private static void OnAnotherThread(ThreadStart body)
    {
        Thread thread = new(body);
        thread.Start();
        thread.Join();
    }

    private sealed class Run(Action body) : IRunnable
    {
        void IRunnable.Run() => body();

        public void Execute() => body();
    }

    private sealed class Repeated(FaultLoop loop, Func<bool> body) : IRunnable
    {
        public void Run()
        {
            if (body()) loop.Execute(this);
        }

        public void Execute() => Run();
    }

    private sealed class CountingWaiter : LoopWaiter
    {
        private readonly SemaphoreSlim _kicks = new(0);
        private readonly SemaphoreSlim _release = new(0);
        private int _count;

        public int Kicks => Volatile.Read(ref _count);

        /// <summary>Sleeps on although it was kicked, until released.</summary>
        public bool HoldsOn { get; set; }

        public bool PollThrows { get; init; }

        public SemaphoreSlim Asleep { get; } = new(0);

        public void Release() => _release.Release();

        public int Polls { get; private set; }

        public override bool Poll()
        {
            Polls++;
            return PollThrows ? throw new InvalidOperationException("poll") : false;
        }

        public override void Wait(TimeSpan timeout)
        {
            _ = Asleep.Release();
            if (HoldsOn) _release.Wait();
            else _kicks.Wait(timeout);
        }

        public override void Kick()
        {
            Interlocked.Increment(ref _count);
            _kicks.Release();
        }
    }
}
