namespace UffdActors.Actors;

/// <summary>
/// The control plane of one address space: map, unmap, protect, remap, register, unregister, fork. Parent of its VMAs and of the
/// backends that it maps.
/// </summary>
internal sealed class AddressSpaceActor(VmContext vm, ActorPort port) : RingActor(vm, port);
