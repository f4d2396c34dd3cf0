namespace UffdActors.Actors;

/// <summary>One VMA: the single writer of its entries.</summary>
internal sealed class VmaActor(VmContext vm, ActorPort port) : RingActor(vm, port);
