using UffdActors.Serve.Keeping;

namespace UffdActors.Serve.Daemon;

/// <summary>
/// Tells the service manager that the daemon is well, twice in each of its periods (WatchdogSec=). Each beat takes a thread of the pool and
/// the locks that a control request takes, so a daemon that would not answer one does not beat either: it is started anew, and takes its
/// guests back.
/// </summary>
internal sealed class Heartbeat : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _beating;

    /// <summary>Begins.</summary>
    /// <param name="manager">The manager.</param>
    /// <param name="time">The clock.</param>
    /// <param name="answer">What the daemon does for a request; a beat follows when it has come back.</param>
    public Heartbeat(ServiceManager manager, TimeProvider time, Action answer) =>
        _beating = manager.Watchdog is { } period ? BeatAsync(manager, period / 2, time, answer) : Task.CompletedTask;

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _beating;
        _stop.Dispose();
    }

    private async Task BeatAsync(ServiceManager manager, TimeSpan period, TimeProvider time, Action answer)
    {
        using PeriodicTimer timer = new(period, time);
        try
        {
            do
            {
                answer();
                manager.Tell("WATCHDOG=1");
            }
            while (await timer.WaitForNextTickAsync(_stop.Token));
        }
        catch (OperationCanceledException)
        {
            // The daemon ends.
        }
    }
}
