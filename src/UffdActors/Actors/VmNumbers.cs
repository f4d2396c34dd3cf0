using Akka.Actor;

namespace UffdActors.Actors;

/// <summary>
/// Numbers the VMs of an actor system, which may be lent to one runtime after the other: the name of a VM that is being stopped is not
/// free again before Akka has forgotten it.
/// </summary>
internal sealed class VmNumbers : IExtension
{
    private int _next;

    public static VmNumbers Of(ActorSystem system) => system.WithExtension<VmNumbers, Provider>();

    /// <summary>A number that no VM of the system has had.</summary>
    public int Next() => Interlocked.Increment(ref _next) - 1;

    private sealed class Provider : ExtensionIdProvider<VmNumbers>
    {
        public override VmNumbers CreateExtension(ExtendedActorSystem system) => new();
    }
}
