using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Event;
using UffdActors.Dispatch;

namespace UffdActors.Tests.Dispatch;

/// <summary>Where a runtime starts Akka's timers, whose start blocks.</summary>
public sealed class SchedulerStartTests
{
    private static readonly TaskCompletionSource<bool> s_first = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task The_first_timer_is_set_by_no_thread_of_the_pool()
    {
        string type = $"{typeof(WatchedScheduler).FullName}, {typeof(WatchedScheduler).Assembly.GetName().Name}";
        await using UffdRuntime runtime = UffdRuntime.Start(
            ConfigurationFactory.ParseString($"akka.scheduler.implementation = \"{type}\""));
        Assert.False(await s_first.Task.WaitAsync(TimeSpan.FromMinutes(1)));
    }

    // Akka's own 10 ms cost a daemon whose guests do nothing some 6 % of a CPU.
    [Fact]
    public async Task The_timers_of_a_runtime_without_work_wake_nobody_up_but_once_a_second()
    {
        await using UffdRuntime runtime = UffdRuntime.Start();
        Assert.Equal(TimeSpan.FromSeconds(1), runtime.System.Settings.Config.GetTimeSpan("akka.scheduler.tick-duration"));
    }

    [Fact]
    public async Task A_system_that_has_ended_before_its_timers_are_started_does_not_end_the_process()
    {
        ActorSystem system = ActorSystem.Create("ended");
        await system.Terminate();
        // What that thread throws would end the process of the tests.
        SchedulerStart.Begin(system).Join();
    }

    /// <summary>Tells whether the thread that sets the first timer is the pool's. Its timers fire at once, or never.</summary>
    public sealed class WatchedScheduler(Config config, ILoggingAdapter log) : SchedulerBase(config, log), IDateTimeOffsetNowTimeProvider
    {
        /// <inheritdoc />
        public override TimeSpan MonotonicClock => TimeSpan.Zero;

        /// <inheritdoc />
        public override TimeSpan HighResMonotonicClock => TimeSpan.Zero;

        /// <inheritdoc />
        protected override DateTimeOffset TimeNow => DateTimeOffset.UnixEpoch;

        /// <inheritdoc />
        protected override void InternalScheduleOnce(TimeSpan delay, Action action, ICancelable cancelable) => Note();

        /// <inheritdoc />
        protected override void InternalScheduleOnce(TimeSpan delay, IRunnable action, ICancelable cancelable)
        {
            Note();
            action.Run();
        }

        /// <inheritdoc />
        protected override void InternalScheduleTellOnce(
            TimeSpan delay, ICanTell receiver, object message, IActorRef sender, ICancelable cancelable) => Note();

        /// <inheritdoc />
        protected override void InternalScheduleTellRepeatedly(
            TimeSpan initialDelay, TimeSpan interval, ICanTell receiver, object message, IActorRef sender, ICancelable cancelable) =>
            Note();

        /// <inheritdoc />
        protected override void InternalScheduleRepeatedly(
            TimeSpan initialDelay, TimeSpan interval, Action action, ICancelable cancelable) => Note();

        /// <inheritdoc />
        protected override void InternalScheduleRepeatedly(
            TimeSpan initialDelay, TimeSpan interval, IRunnable action, ICancelable cancelable) => Note();

        private static void Note() => _ = s_first.TrySetResult(Thread.CurrentThread.IsThreadPoolThread);
    }
}
