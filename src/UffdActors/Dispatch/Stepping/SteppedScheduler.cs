using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Event;

namespace UffdActors.Dispatch.Stepping;

/// <summary>Akka's scheduler on a stepped system: real time does not exist there, so nothing that it is asked for ever happens.</summary>
internal sealed class SteppedScheduler : SchedulerBase, IDateTimeOffsetNowTimeProvider
{
    /// <summary>Called by Akka.</summary>
    public SteppedScheduler(Config scheduler, ILoggingAdapter log)
        : base(scheduler, log)
    {
    }

    /// <inheritdoc />
    public override TimeSpan MonotonicClock => TimeSpan.Zero;

    /// <inheritdoc />
    public override TimeSpan HighResMonotonicClock => TimeSpan.Zero;

    /// <inheritdoc />
    protected override DateTimeOffset TimeNow => DateTimeOffset.UnixEpoch;

    /// <inheritdoc />
    protected override void InternalScheduleTellOnce(
        TimeSpan delay, ICanTell receiver, object message, IActorRef sender, ICancelable cancelable)
    {
    }

    /// <inheritdoc />
    protected override void InternalScheduleTellRepeatedly(
        TimeSpan initialDelay, TimeSpan interval, ICanTell receiver, object message, IActorRef sender, ICancelable cancelable)
    {
    }

    /// <inheritdoc />
    protected override void InternalScheduleOnce(TimeSpan delay, Action action, ICancelable cancelable)
    {
    }

    /// <inheritdoc />
    protected override void InternalScheduleRepeatedly(TimeSpan initialDelay, TimeSpan interval, Action action, ICancelable cancelable)
    {
    }

    /// <inheritdoc />
    protected override void InternalScheduleOnce(TimeSpan delay, IRunnable action, ICancelable cancelable)
    {
    }

    /// <inheritdoc />
    protected override void InternalScheduleRepeatedly(TimeSpan initialDelay, TimeSpan interval, IRunnable action, ICancelable cancelable)
    {
    }
}
