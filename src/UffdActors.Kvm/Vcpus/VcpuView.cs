namespace UffdActors.Kvm.Vcpus;

/// <summary>The published state of a vCPU: written by its actor, read by any thread.</summary>
internal sealed class VcpuView(int number)
{
    private volatile TaskCompletionSource<VcpuEnd> _ended = New();
    private volatile VcpuThread? _thread;
    private volatile int _phase;

    /// <summary>Number of the vCPU.</summary>
    public int Number => number;

    /// <summary>Its phase.</summary>
    public VcpuPhase Phase
    {
        get => (VcpuPhase)_phase;
        set => _phase = (int)value;
    }

    /// <summary>Its thread; null before the actor has been made.</summary>
    public VcpuThread? Thread
    {
        get => _thread;
        set => _thread = value;
    }

    /// <summary>Complete when the guest has ended on it.</summary>
    public Task<VcpuEnd> Ended => _ended.Task;

    /// <summary>How it has ended; null if it has not.</summary>
    public VcpuEnd? End => _ended.Task is { IsCompletedSuccessfully: true } ended ? ended.GetAwaiter().GetResult() : null;

    /// <summary>The guest has ended on it; only the first end counts.</summary>
    public void HasEnded(VcpuEnd end) => _ = _ended.TrySetResult(end);

    /// <summary>Another state was loaded, so it may run again.</summary>
    public void Renew()
    {
        if (_ended.Task.IsCompleted) _ended = New();
    }

    private static TaskCompletionSource<VcpuEnd> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
