using Akka.Configuration;
using UffdActors.Actors;
using UffdActors.Dispatch;
using UffdActors.Linux.Waiting;
using UffdActors.Linux.Watching;
using UffdActors.Worlds;

namespace UffdActors.Linux.Live;

/// <summary>VMs run on the kernel of this machine. Named in the configuration (<c>uffd.worlds.live.type</c>).</summary>
internal sealed class LiveWorld : Worlds.World
{
    private readonly Lock _gate = new();
    private LiveWatchdog? _watchdog;

    /// <summary>Made by the runtime, before any loop starts.</summary>
    /// <exception cref="PlatformNotSupportedException">A system call is refused that a fault loop waits with.</exception>
    public LiveWorld() => RequiredCalls.CheckLoop();

    /// <inheritdoc />
    public override Config LoopConfig { get; } =
        ConfigurationFactory.ParseString(
            $"waiter = \"{typeof(DescriptorWaiter).FullName}, {typeof(DescriptorWaiter).Assembly.GetName().Name}\"");

    /// <inheritdoc />
    public override VmKernel NewKernel(VmRoot vm, VmOptions options)
    {
        if (vm.Context.Time is not VmLoop { Waiter: DescriptorWaiter waiter } loop)
        {
            throw new UffdConfigurationException(
                $"uffd.dispatcher = {vm.Settings.Dispatcher}: the live world reads and fills on fault loops; use uffd.fault-loop "
                    + $"with per-vm = on.");
        }

        return new LiveKernel(
            vm, options, loop, waiter,
            (options.Watchdog ?? vm.Settings.Watchdog) is { } watched ? new WatchedBy(Watchdog(), watched) : null);
    }

    /// <inheritdoc />
    public override async ValueTask DisposeAsync()
    {
        if (_watchdog is not null) await _watchdog.DisposeAsync();
        await base.DisposeAsync();
    }

    private LiveWatchdog Watchdog()
    {
        lock (_gate) return _watchdog ??= new LiveWatchdog();
    }
}
