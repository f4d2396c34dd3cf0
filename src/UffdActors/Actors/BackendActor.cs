namespace UffdActors.Actors;

/// <summary>
/// One memory module in one address space: the turns in which the module's hooks run. A module that throws fails the operation, with EIO,
/// and nothing else; that is in the model.
/// </summary>
internal sealed class BackendActor(VmContext vm, ActorPort port) : RingActor(vm, port);
