using System.Diagnostics;
using Akka.Actor;

namespace UffdActors.Bench;

/// <summary>
/// The baseline of the fault ring: as many actors as a fault has hops, which only forward a message. Its time is the overhead of actors;
/// the time of the fault ring beyond it is the work of a fault.
/// </summary>
internal static class EmptyRing
{
    /// <summary>Sends messages round the ring.</summary>
    /// <param name="system">Actor system.</param>
    /// <param name="dispatcherId">Dispatcher of all actors; each has the mailbox that the dispatcher gives.</param>
    /// <param name="actors">Actors in the ring.</param>
    /// <param name="inFlight">Messages under way at the same time.</param>
    /// <param name="hops">Hops of all messages together.</param>
    /// <param name="completion">Completed with the result.</param>
    public static Task<HopRun> RunAsync(
        ActorSystem system, string dispatcherId, int actors, int inFlight, long hops, TaskCreationOptions completion)
    {
        TaskCompletionSource<HopRun> done = new(completion);
        IActorRef ring = system.ActorOf(
            Props.Create<Ring>(dispatcherId, actors, inFlight, Math.Max(1, hops / inFlight), done).WithDispatcher(dispatcherId));
        _ = ring;
        return done.Task;
    }

    /// <summary>One message under way.</summary>
    private sealed class Token(long hops)
    {
        public long Left { get; set; } = hops;
    }

    private sealed record Next(IActorRef Actor);

    /// <summary>Parent of the ring: starts it, and stops it when every message has made its hops.</summary>
    private sealed class Ring : UntypedActor
    {
        private readonly TaskCompletionSource<HopRun> _done;
        private readonly long _hops;
        private readonly long _began;
        private int _left;

        public Ring(string dispatcherId, int actors, int inFlight, long hopsEach, TaskCompletionSource<HopRun> done)
        {
            _done = done;
            _left = inFlight;
            _hops = inFlight * hopsEach;
            IActorRef[] ring =
                [.. Enumerable.Range(0, actors).Select(_ => Context.ActorOf(Props.Create<Station>(Self).WithDispatcher(dispatcherId)))];
            for (int i = 0; i < actors; i++) ring[i].Tell(new Next(ring[(i + 1) % actors]), ActorRefs.NoSender);
            _began = Stopwatch.GetTimestamp();
            for (int i = 0; i < inFlight; i++) ring[i % actors].Tell(new Token(hopsEach), ActorRefs.NoSender);
        }

        protected override void OnReceive(object message)
        {
            if (--_left > 0) return;
            _ = _done.TrySetResult(new HopRun(_hops, _began, Stopwatch.GetTimestamp()));
            Context.Stop(Self);
        }
    }

    private sealed class Station(IActorRef ring) : UntypedActor
    {
        private IActorRef _next = ActorRefs.Nobody;

        protected override void OnReceive(object message)
        {
            switch (message)
            {
                case Token token:
                    if (--token.Left > 0) _next.Tell(token, ActorRefs.NoSender);
                    else ring.Tell(token, ActorRefs.NoSender);
                    break;
                case Next next:
                    _next = next.Actor;
                    break;
                default:
                    Unhandled(message);
                    break;
            }
        }
    }
}
