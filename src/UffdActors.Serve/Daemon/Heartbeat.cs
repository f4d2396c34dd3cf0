using UffdActors.Serve.Keeping;

namespace UffdActors.Serve.Daemon;

/// <summary>
/// Tells the service manager that the daemon is well, twice in each of its periods (WatchdogSec=), as long as it answers: who takes control
/// requests and the pool's threads are asked for it. A daemon that is stuck is started anew, and its guests are taken back.
/// </summary>
internal sealed class Heartbeat : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _beating;

    /// <summary>Begins.</summary>
    /// <param name="manager">The manager.</param>
    /// <param name="time">The clock.</param>
    /// <param name="isWell">Asked before each beat.</param>
    public Heartbeat(ServiceManager manager, TimeProvider time, Func<bool> isWell) =>
        _beating = manager.Watchdog is { } period ? BeatAsync(manager, period / 2, time, isWell) : Task.CompletedTask;

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _beating;
        _stop.Dispose();
    }

    private async Task BeatAsync(ServiceManager manager, TimeSpan period, TimeProvider time, Func<bool> isWell)
    {
        using PeriodicTimer timer = new(period, time);
        try
        {
            do
            {
                if (isWell()) manager.Tell("WATCHDOG=1");
            }
            while (await timer.WaitForNextTickAsync(_stop.Token));
        }
        catch (OperationCanceledException)
        {
            // The daemon ends.
        }
    }
}
