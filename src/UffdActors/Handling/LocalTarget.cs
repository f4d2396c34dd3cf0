using Akka.Actor;

namespace UffdActors.Handling;

/// <summary>
/// An actor of this process for senders that send to it at every fault: its cell, so that a message costs what <c>Tell</c> comes down
/// to for a local actor, and not the three virtual calls before.
/// </summary>
internal readonly struct LocalTarget
{
    private readonly IActorRef _actor;
    private readonly ActorCell? _cell;

    public LocalTarget(IActorRef actor)
    {
        _actor = actor;
        // Only a child's cell is final; an actor on top of the system gets its cell when it starts.
        _cell = (actor as LocalActorRef)?.Cell;
    }

    /// <summary>The actor's address.</summary>
    public IActorRef Actor => _actor;

    /// <summary>Sends a message, without a sender.</summary>
    public void Tell(object message)
    {
        if (_cell is { } cell) cell.SendMessage(new Envelope(message, ActorRefs.NoSender));
        else _actor.Tell(message, ActorRefs.NoSender);
    }
}
