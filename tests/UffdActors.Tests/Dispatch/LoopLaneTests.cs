using System.Collections.Concurrent;
using Akka.Dispatch;
using UffdActors.Dispatch;

namespace UffdActors.Tests.Dispatch;

/// <summary>Lanes of one fault loop: each has its turn, and what fails in one is of no other.</summary>
public sealed class LoopLaneTests
{
    // Nothing here takes long; this only keeps a failing test from hanging the run.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly FaultLoopSettings ByRuns = new() { RunsPerRound = 16, RoundTime = TimeSpan.FromHours(1) };

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 40)]
    [InlineData(3, 40)]
    public async System.Threading.Tasks.Task A_lane_waits_for_one_slice_of_each_other_one_however_much_those_have_to_run(int busy, int ring)
    {
        FaultLoop loop = new("shared", ByRuns);
        LoopLane quiet = new(loop, ByRuns);
        TaskCompletionSource<int> served = new(TaskCreationOptions.RunContinuationsAsynchronously);
        int runs = 0;
        int chain = 0;
        int sentAt = 0;
        // A fault goes round from actor to actor: each hop is a run of its own, and all of them have room in one slice.
        void Hop()
        {
            if (++chain < 5) quiet.Execute(new Task(Hop));
            else served.SetResult(runs - sentAt);
        }

        for (int lane = 0; lane < busy; lane++)
        {
            LoopLane storm = new(loop, ByRuns);
            for (int i = 0; i < ring; i++) storm.Execute(new Repeated(storm, () =>
            {
                // As the poller would: from the loop's thread, in no slice of the lane.
                if (++runs == 1000)
                {
                    sentAt = runs;
                    quiet.Execute(new Task(Hop));
                }

                return !served.Task.IsCompleted;
            }));
        }

        Assert.InRange(await served.Task.WaitAsync(Patience), 0, busy * ByRuns.RunsPerRound);
        loop.Stop();
    }

    [Fact]
    public void A_lane_that_has_used_its_time_lets_the_loop_look_outside()
    {
        PollingWaiter waiter = new();
        FaultLoopSettings brief = new() { RunsPerRound = int.MaxValue, RoundTime = TimeSpan.FromTicks(1) };
        FaultLoop loop = new("shared", ByRuns with { RunsPerRound = int.MaxValue }, waiter: waiter);
        LoopLane lane = new(loop, brief);
        lane.Execute(new Repeated(lane, () => waiter.Polls < 10));
        Assert.True(SpinWait.SpinUntil(() => waiter.Polls >= 10, Patience));
        loop.Stop();
    }

    [Fact]
    public void Every_task_that_other_threads_add_is_run_while_the_lane_is_busy()
    {
        const int Tasks = 20_000;
        FaultLoop loop = new("shared", ByRuns);
        LoopLane lane = new(loop, ByRuns);
        LoopLane other = new(loop, ByRuns);
        using CountdownEvent all = new(2 * Tasks);
        Thread[] threads = [.. new[] { lane, other }.Select(to => new Thread(() =>
        {
            for (int i = 0; i < Tasks; i++) to.Execute(new Task(() => all.Signal()));
        }))];
        lane.Execute(new Repeated(lane, () => !all.IsSet));
        foreach (Thread thread in threads) thread.Start();
        Assert.True(all.Wait(Patience), "it hangs");
        foreach (Thread thread in threads) thread.Join();
        loop.Stop();
    }

    [Fact]
    public void What_leaves_a_run_is_told_to_its_lane_and_what_leaves_the_loop_to_all()
    {
        PollingWaiter waiter = new();
        FaultLoop loop = new("shared", ByRuns, waiter: waiter);
        (LoopLane first, LoopLane second) = (new(loop, ByRuns), new(loop, ByRuns));
        ConcurrentQueue<string> told = new();
        first.Failed += e => told.Enqueue("first " + e.Message);
        second.Failed += e => told.Enqueue("second " + e.Message);
        using CountdownEvent ran = new(2);
        first.Execute(new Task(() => throw new InvalidOperationException("run")));
        // Behind it, in both.
        first.Execute(new Task(() => ran.Signal()));
        second.Execute(new Task(() => ran.Signal()));
        Assert.True(ran.Wait(Patience), "it hangs");
        Assert.Equal(["first run"], told);

        loop.Execute(new Task(() => throw new InvalidOperationException("loop")));
        Assert.True(SpinWait.SpinUntil(() => told.Count == 3, Patience));
        Assert.Equal(["first run", "first loop", "second loop"], told);
        loop.Stop();
    }

    [Fact]
    public void A_loop_that_somebody_waits_at_does_not_end()
    {
        PollingWaiter waiter = new() { IsInUse = true };
        FaultLoop loop = new("used", ByRuns, waiter: waiter);
        using CountdownEvent ran = new(1);
        loop.Execute(new Task(() => ran.Signal()));
        Assert.True(ran.Wait(Patience), "it hangs");
        loop.Stop();
        // It is asked while it looks whether it may end, and sleeps again.
        Assert.True(SpinWait.SpinUntil(() => waiter.Asked > 0, Patience));
        using CountdownEvent again = new(1);
        loop.Execute(new Task(() => again.Signal()));
        Assert.True(again.Wait(Patience), "it hangs");
        Assert.Equal(0, waiter.Ends);
        waiter.IsInUse = false;
        loop.Stop();
        Assert.True(SpinWait.SpinUntil(() => waiter.Ends == 1, Patience));
    }

    private sealed class Task(Action body) : IRunnable
    {
        public void Run() => body();

        public void Execute() => body();
    }

    private sealed class Repeated(LoopLane lane, Func<bool> body) : IRunnable
    {
        public void Run()
        {
            if (body()) lane.Execute(this);
        }

        public void Execute() => Run();
    }

    private sealed class PollingWaiter : LoopWaiter
    {
        private readonly SemaphoreSlim _kicks = new(0);
        private int _polls;
        private int _ends;
        private int _asked;

        public int Polls => Volatile.Read(ref _polls);

        public int Ends => Volatile.Read(ref _ends);

        public int Asked => Volatile.Read(ref _asked);

        public bool IsInUse { get; set; }

        public override bool IsNeeded
        {
            get
            {
                _ = Interlocked.Increment(ref _asked);
                return IsInUse;
            }
        }

        public override void End() => Interlocked.Increment(ref _ends);

        public override bool Poll()
        {
            _ = Interlocked.Increment(ref _polls);
            return false;
        }

        public override void Wait(TimeSpan timeout) => _kicks.Wait(timeout);

        public override void Kick() => _kicks.Release();
    }
}
