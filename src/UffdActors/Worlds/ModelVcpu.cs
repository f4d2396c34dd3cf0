using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Model.Mapping;

namespace UffdActors.Worlds;

/// <summary>A vCPU of the model: a thread of the process whose turns are its actor's.</summary>
internal sealed class ModelVcpu(Caller thread) : VcpuThread
{
    /// <inheritdoc />
    public override IActorRef Start(IActorContext parent, VmContext vm, VcpuOptions options, string name)
    {
        ActorPort port = new(vm.SplitsTurns);
        IActorRef actor = parent.ActorOf(VcpuActor.Props(vm, port, thread, options), name);
        port.Bind(actor);
        thread.Attach(port);
        return actor;
    }
}
