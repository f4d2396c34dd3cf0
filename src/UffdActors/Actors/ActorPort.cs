using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Model.Turns;

namespace UffdActors.Actors;

/// <summary>The way to an owner that is an actor: its mailbox.</summary>
internal sealed class ActorPort : Port
{
    private readonly bool _splitsTurns;
    private LocalTarget _self = new(ActorRefs.Nobody);

    public ActorPort(bool splitsTurns = false) => _splitsTurns = splitsTurns;

    /// <inheritdoc />
    public override bool SplitsTurns => _splitsTurns;

    /// <summary>The actor's address.</summary>
    public IActorRef Self => _self.Actor;

    /// <summary>The actor; set by itself when it starts, used in its own turns only.</summary>
    public RingActor? Actor { get; set; }

    /// <summary>Gives the port its actor, before anything is sent.</summary>
    public void Bind(IActorRef self) => _self = new LocalTarget(self);

    /// <inheritdoc />
    public override void Send(Operation operation) => _self.Tell(operation);

    /// <inheritdoc />
    internal override void SendNext(Operation operation)
    {
        ActorPool.QueueOf(Self)!.PutFirst();
        Send(operation);
    }

    /// <inheritdoc />
    public override Port Spawn(Owner child) => Actor!.SpawnOwner(child);
}
