using Microsoft.Extensions.Hosting;

namespace UffdActors.Hosting;

/// <summary>Starts the daemon with the host, behind the runtime, and ends it before that.</summary>
internal sealed class UffdServeService(HostedServeDaemon daemon) : IHostedLifecycleService
{
    /// <inheritdoc />
    public Task StartAsync(CancellationToken cancellationToken) => daemon.StartAsync();

    /// <summary>In the turn in which the runtime is disposed of: services are told of it in the opposite order of their start.</summary>
    public Task StoppingAsync(CancellationToken cancellationToken) => daemon.StopAsync();

    /// <inheritdoc />
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc />
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc />
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc />
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
