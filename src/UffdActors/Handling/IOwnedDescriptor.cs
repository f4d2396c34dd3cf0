using Akka.Actor;

namespace UffdActors.Handling;

/// <summary>A userfaultfd whose lifetime is that of the context's actor.</summary>
internal interface IOwnedDescriptor : IUffdDescriptor
{
    /// <summary>The actor has started: from here on it is sent <c>Readable</c> whenever there is something to read.</summary>
    void Open(IActorRef actor);

    /// <summary>The actor has ended: the descriptor is closed.</summary>
    void Close();
}
