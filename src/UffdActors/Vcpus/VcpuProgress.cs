using UffdActors.Statistics;

namespace UffdActors.Vcpus;

/// <summary>How far a vCPU is; written in its turns, read from anywhere.</summary>
internal sealed class VcpuProgress(TaskCompletionSource finished, Action<FaultTrace>? observer)
{
    private long _accesses;
    private long _faults;
    private long _repeats;
    private volatile string? _error;

    /// <summary>Accesses that are through.</summary>
    public long Accesses
    {
        get => Volatile.Read(ref _accesses);
        set => Volatile.Write(ref _accesses, value);
    }

    /// <summary>Faults raised.</summary>
    public long Faults
    {
        get => Volatile.Read(ref _faults);
        set => Volatile.Write(ref _faults, value);
    }

    /// <summary>Faults raised again by the same access.</summary>
    public long Repeats
    {
        get => Volatile.Read(ref _repeats);
        set => Volatile.Write(ref _repeats, value);
    }

    /// <summary>What went wrong; null if nothing did. The vCPU stops there.</summary>
    public string? Error
    {
        get => _error;
        set => _error = value;
    }

    /// <summary>Its sampled faults.</summary>
    public LatencyRecorder Latency { get; } = new(observer);

    /// <summary>Ends with the vCPU's work.</summary>
    public TaskCompletionSource Finished { get; } = finished;
}
