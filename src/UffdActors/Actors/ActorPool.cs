using Akka.Actor;
using UffdActors.Dispatch.Stepping;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Actors;

/// <summary>
/// The actors of a world that is run again and again: making and stopping an actor costs more than a whole short run. Owners are made
/// anew for each run; the actor behind the port of an owner of the same kind is used again.
/// </summary>
/// <remarks>For the stepped dispatcher, whose thread it belongs to. Actors are given out in the order in which they were made.</remarks>
internal sealed class ActorPool
{
    private readonly Dictionary<Type, Shelf> _shelves = [];
    private readonly Action<ActorPort, Owner> _given;

    /// <param name="given">Called for every port that is given to an owner, in the turn in which that happens.</param>
    public ActorPool(Action<ActorPort, Owner> given) => _given = given;

    /// <summary>
    /// True if an actor had to be made since the latest <see cref="Reclaim"/>: making one takes steps that using one again does not.
    /// </summary>
    public bool WasShort { get; private set; }

    /// <summary>An actor for the owner, or null if none is spare.</summary>
    public ActorPort? Take(Owner owner)
    {
        if (!_shelves.TryGetValue(KindOf(owner), out Shelf? shelf) || shelf.Given == shelf.Ports.Count) return null;
        ActorPort port = shelf.Ports[shelf.Given++];
        if (owner is UserfaultContext) ((UffdContextActor)port.Actor!).Rebind();
        _given(port, owner);
        return port;
    }

    /// <summary>An actor has been made for the owner; it belongs to the pool from now on.</summary>
    public void Made(ActorPort port, Owner owner)
    {
        WasShort = true;
        if (!_shelves.TryGetValue(KindOf(owner), out Shelf? shelf)) _shelves.Add(KindOf(owner), shelf = new Shelf());
        shelf.Ports.Add(port);
        shelf.Given = shelf.Ports.Count;
        _given(port, owner);
    }

    /// <summary>The run is over and nothing is under way any more: all actors are spare.</summary>
    public void Reclaim()
    {
        foreach (Shelf shelf in _shelves.Values) shelf.Given = 0;
        WasShort = false;
    }

    /// <summary>The queue of an actor, which carries its label.</summary>
    public static SteppedQueue? QueueOf(IActorRef actor) =>
        (((actor as ActorRefWithCell)?.Underlying as ActorCell)?.Mailbox)?.MessageQueue as SteppedQueue;

    // A derived owner has the actor of its base.
    private static Type KindOf(Owner owner) => owner switch
    {
        VmaOwner => typeof(VmaOwner),
        UserfaultContext => typeof(UserfaultContext),
        AddressSpace => typeof(AddressSpace),
        Caller => typeof(Caller),
        _ => owner.GetType(),
    };

    private sealed class Shelf
    {
        public List<ActorPort> Ports { get; } = [];

        public int Given { get; set; }
    }
}
