using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace UffdActors.Hosting;

/// <summary>Makes the declared VMs when the host starts; disposes of all VMs, and then of the runtime, when it stops.</summary>
internal sealed class UffdHostedService(IServiceProvider services, IEnumerable<DeclaredVm> declared, ILogger<UffdVms> logger)
    : IHostedLifecycleService
{
    private UffdRuntime? _runtime;
    private UffdVms? _vms;

    /// <inheritdoc />
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        // Not before: the actor system of Akka.Hosting is started by a service as well.
        _runtime = services.GetRequiredService<UffdRuntime>();
        _vms = services.GetRequiredService<UffdVms>();
        UffdLog.RuntimeStarted(logger, _runtime.Settings.World, _runtime.Settings.Dispatcher);
        foreach (DeclaredVm vm in declared)
        {
            UffdVm made = await _vms.CreateAsync(vm.Name, vm.Options(services), cancellationToken);
            await vm.SetUp(made, services, cancellationToken);
        }
    }

    /// <summary>Before any service stops: an actor system that is lent to the runtime is one of them.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (_vms is not null) await _vms.DisposeAsync();
        if (_runtime is null) return;
        await _runtime.DisposeAsync();
        UffdLog.RuntimeStopped(logger);
    }

    /// <inheritdoc />
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc />
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc />
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc />
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
