using Akka.Actor;

namespace UffdActors.Actors;

/// <summary>A thread of the guest.</summary>
internal abstract class VcpuThread
{
    /// <summary>
    /// Makes its actor, which begins with <see cref="VmProtocol.Resume"/>, ends with the next access after
    /// <see cref="VmProtocol.StopVcpu"/>, and tells its progress when it has ended.
    /// </summary>
    public abstract IActorRef Start(IActorContext parent, VmContext vm, VcpuOptions options, string name);
}
