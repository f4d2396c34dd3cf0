using Akka.Actor;
using UffdActors.Dispatch;
using UffdActors.Failures;
using UffdActors.Handling;
using UffdActors.Model.Turns;

namespace UffdActors.Actors;

/// <summary>What the actors of one VM share. Immutable, but for the hooks that the VM's root sets before the first turn.</summary>
internal sealed class VmContext
{
    private int _actors;

    public VmContext(string name, string dispatcherId, RingTime time, IncidentLog incidents)
    {
        Name = name;
        DispatcherId = dispatcherId;
        Time = time;
        Incidents = incidents;
    }

    /// <summary>Name for reports.</summary>
    public string Name { get; }

    /// <summary>The dispatcher that all ring actors of the VM run on.</summary>
    public string DispatcherId { get; }

    /// <summary>The dispatcher of pushes that have a thread of their own; made when it is first asked for.</summary>
    public string PushDispatcherId => PushLoop?.Value.Dispatcher ?? DispatcherId;

    /// <summary>Where those pushes run; null where the ring's own dispatcher has to do.</summary>
    public Lazy<LoopPlace>? PushLoop { get; set; }

    /// <summary>Clock and timers of that dispatcher.</summary>
    public RingTime Time { get; }

    /// <summary>What went wrong, for the embedder.</summary>
    public IncidentLog Incidents { get; }

    /// <summary>Exploration: looking and acting are turns of their own.</summary>
    public bool SplitsTurns { get; init; }

    /// <summary>Crashes handlers at named points, for tests; null in production.</summary>
    public IHandlerProbe? Probe { get; init; }

    /// <summary>
    /// Uses the actors of owners again, run after run, for exploration; null otherwise: then every owner gets an actor of its own.
    /// </summary>
    public ActorPool? Pool { get; init; }

    /// <summary>Root actor of the VM.</summary>
    public IActorRef Root { get; set; } = ActorRefs.Nobody;

    /// <summary>Called in the turn in which the result of a call without an own receiver becomes known.</summary>
    public Action<Operation>? Finished { get; set; }

    /// <summary>Numbers the VM's actors in the order in which they are made.</summary>
    public int NextActorNumber() => Interlocked.Increment(ref _actors);

    /// <summary>A ring actor has failed in a turn: the VM fails closed.</summary>
    public void Fail(IActorRef actor, Exception reason, object? message) => Root.Tell(new VmProtocol.RingFailed(actor, reason, message));
}
