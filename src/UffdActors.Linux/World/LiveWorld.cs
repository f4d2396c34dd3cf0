using Akka.Configuration;
using UffdActors.Dispatch;
using UffdActors.Linux.Waiting;
using UffdActors.Worlds;

namespace UffdActors.Linux.World;

/// <summary>VMs run on the kernel of this machine. Named in the configuration (<c>uffd.worlds.live.type</c>).</summary>
internal sealed class LiveWorld : Worlds.World
{
    /// <inheritdoc />
    public override Config LoopConfig { get; } =
        ConfigurationFactory.ParseString($"waiter = \"{typeof(DescriptorWaiter).FullName}, {typeof(DescriptorWaiter).Assembly.GetName().Name}\"");

    /// <inheritdoc />
    public override VmKernel NewKernel(UffdVm vm, VmOptions options)
    {
        if (vm.Context.Time is not FaultLoop { Waiter: DescriptorWaiter waiter } loop)
        {
            throw new UffdConfigurationException(
                $"uffd.dispatcher = {vm.Settings.Dispatcher}: the live world reads and fills on one fault loop a VM; use uffd.fault-loop with per-vm = on.");
        }

        return new LiveKernel(vm, options, loop, waiter);
    }
}
