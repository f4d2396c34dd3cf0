using Akka.Actor;
using UffdActors.Model.Operations;

namespace UffdActors.Actors;

/// <summary>The way to an owner that is an actor: its mailbox.</summary>
internal sealed class ActorPort : Port
{
    private readonly bool _splitsTurns;
    private IActorRef _self = ActorRefs.Nobody;
    private ActorCell _cell = null!;

    public ActorPort(bool splitsTurns = false) => _splitsTurns = splitsTurns;

    /// <inheritdoc />
    public override bool SplitsTurns => _splitsTurns;

    /// <summary>The actor's address.</summary>
    public IActorRef Self => _self;

    /// <summary>The actor; set by itself when it starts, used in its own turns only.</summary>
    public RingActor? Actor { get; set; }

    /// <summary>Gives the port its actor, a child of another (rule of DESIGN 7), before anything is sent.</summary>
    public void Bind(IActorRef self)
    {
        _self = self;
        _cell = ((LocalActorRef)self).Cell;
    }

    // What Tell comes down to for a local actor, without the three virtual calls before.
    /// <inheritdoc />
    public override void Send(Operation operation) => _cell.SendMessage(new Envelope(operation, ActorRefs.NoSender));

    /// <inheritdoc />
    public override Port Spawn(Owner child) => Actor!.SpawnOwner(child);
}
