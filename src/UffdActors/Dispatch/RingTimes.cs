using System.Collections.Concurrent;
using Akka.Actor;

namespace UffdActors.Dispatch;

/// <summary>Finds the clock and timers of a dispatcher; one registry an actor system, so nothing is static.</summary>
internal sealed class RingTimes : IExtension
{
    private readonly ConcurrentDictionary<string, RingTime> _times = new();
    private readonly Lazy<RingTime> _other = new(() => new ThreadTime());

    private int _last;

    public static RingTimes Of(ActorSystem system) => system.WithExtension<RingTimes, Provider>();

    /// <summary>The time of a dispatcher: its own, or the process's for dispatchers on the thread pool.</summary>
    public RingTime For(string dispatcherId) => _times.TryGetValue(dispatcherId, out RingTime? time) ? time : _other.Value;

    /// <summary>A number that no dispatcher of the system has in its id yet.</summary>
    public int NextNumber() => Interlocked.Increment(ref _last) - 1;

    public void Add(string dispatcherId, RingTime time) => _times[dispatcherId] = time;

    private sealed class Provider : ExtensionIdProvider<RingTimes>
    {
        public override RingTimes CreateExtension(ExtendedActorSystem system) => new();
    }

    /// <summary>Real time with timers of the thread pool, for the parallel dispatcher.</summary>
    private sealed class ThreadTime : RingTime
    {
        public override long Now => MonotonicClock.Nanoseconds;

        public override void After(TimeSpan delay, IActorRef target, object message)
        {
            Timer? timer = null;
            timer = new Timer(
                _ =>
                {
                    target.Tell(message, ActorRefs.NoSender);
                    timer!.Dispose();
                },
                null,
                Timeout.InfiniteTimeSpan,
                Timeout.InfiniteTimeSpan);
            _ = timer.Change(delay, Timeout.InfiniteTimeSpan);
        }
    }
}
