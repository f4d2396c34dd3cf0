namespace UffdActors.Bench.Live;

/// <summary>Starts all vCPUs of a run together, and reports when the last has ended: the time between is measured.</summary>
internal sealed class StartGate(int vcpus) : IDisposable
{
    private readonly TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim _open = new();
    private int _awaited = vcpus;
    private int _running = vcpus;
    private volatile bool _abandoned;

    /// <summary>Ends when every vCPU waits at the gate.</summary>
    public Task Arrived => _arrived.Task;

    /// <summary>Ends when every vCPU has done its work.</summary>
    public Task Ended => _ended.Task;

    /// <summary>A vCPU waits for the others.</summary>
    /// <returns>False if the run has been given up.</returns>
    public bool Pass()
    {
        if (Interlocked.Decrement(ref _awaited) == 0) _ = _arrived.TrySetResult();
        _open.Wait();
        return !_abandoned;
    }

    /// <summary>A vCPU has done its work.</summary>
    public void End()
    {
        if (Interlocked.Decrement(ref _running) == 0) _ = _ended.TrySetResult();
    }

    /// <summary>The run begins.</summary>
    public void Open() => _open.Set();

    /// <summary>The run is given up: threads that wait, or come later, have no work.</summary>
    public void Abandon()
    {
        _abandoned = true;
        _open.Set();
    }

    /// <summary>To be called when no vCPU uses it any more.</summary>
    public void Dispose() => _open.Dispose();
}
