using Akka.Actor;
using UffdActors.Handling;

namespace UffdActors.Actors;

/// <summary>What a handler is made of.</summary>
/// <param name="Slot">The handler as the reader knows it.</param>
/// <param name="Reader">The reader whose faults it resolves.</param>
/// <param name="Context">The context's actor.</param>
/// <param name="Source">Where pages come from.</param>
/// <param name="SourceActor">The actor in front of the source; null if the source answers at once and is asked directly.</param>
/// <param name="PoisonLostPages">Pages that the source has lost are poisoned; otherwise their threads wait.</param>
internal sealed record HandlerOptions(
    HandlerSlot Slot, FaultReader Reader, IActorRef Context, IPageSource Source, IActorRef? SourceActor,
    bool PoisonLostPages = false);
