using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Model.Mapping;
using UffdActors.Stress.Guest;
using UffdActors.Worlds;

namespace UffdActors.Stress.Vcpus;

/// <summary>A vCPU of the model: an actor of the ring, each touch an access of its thread.</summary>
internal sealed class ModelStressVcpu(VcpuProgram program, IActorRef actor) : StressVcpu(program)
{
    /// <summary>Starts its actor.</summary>
    public static async Task<ModelStressVcpu> StartAsync(UffdVm vm, GuestRegion region, VcpuProgram program, Ledger ledger)
    {
        Caller thread = ((ModelKernel)vm.Kernel).NewThread();
        ActorPort port = new(vm.Context.SplitsTurns);
        IActorRef actor = await vm.Root.StartActorAsync(
            Props.Create<ModelStressVcpuActor>(vm.Context, port, thread, region.Address, program, ledger)
                .WithDispatcher(vm.Context.DispatcherId),
            vm.Root.NewName("stress-vcpu"));
        port.Bind(actor);
        thread.Attach(port);
        return new ModelStressVcpu(program, actor);
    }

    /// <inheritdoc />
    public override Task RunLapAsync(long visits)
    {
        ModelStressVcpuActor.Lap lap = new(visits, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        actor.Tell(lap, ActorRefs.NoSender);
        return lap.Ended.Task;
    }
}
