namespace UffdActors.Linux.Watching;

/// <summary>The board of a runtime and the process that watches it. Made with the first VM that is to be watched.</summary>
internal sealed class LiveWatchdog : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private WatchdogProcess? _process;

    /// <summary>The board.</summary>
    public FaultBoard Board { get; } = new();

    /// <summary>The process, which is started if there is none, or none any more.</summary>
    /// <exception cref="UffdConfigurationException">It cannot be started.</exception>
    public WatchdogProcess Run()
    {
        lock (_gate) return _process is { HasEnded: false } running ? running : _process = WatchdogProcess.Start(Board);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (_process is { } process) await process.DisposeAsync();
        Board.Dispose();
    }
}
