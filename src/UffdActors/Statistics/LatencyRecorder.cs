using HdrHistogram;

namespace UffdActors.Statistics;

/// <summary>Latencies of one vCPU's faults: percentiles, hops, the slowest. For one writer; read when it has stopped.</summary>
/// <param name="observer">Told of each fault with a trace of its own (<see cref="VmOptions.FaultObserver"/>); null for none.</param>
internal sealed class LatencyRecorder(Action<FaultTrace>? observer = null)
{
    private const long LongestNanoseconds = 60_000_000_000;

    private readonly LongHistogram _latency = new(1, LongestNanoseconds, 3);
    private readonly long[] _hops = new long[FaultHops.Count];
    private readonly long[] _hopSamples = new long[FaultHops.Count];

    /// <summary>From raised to resumed, in nanoseconds.</summary>
    public LongHistogram Latency => _latency;

    /// <summary>Time that the vCPU was blocked in the sampled faults.</summary>
    public long BlockedNanoseconds { get; private set; }

    /// <summary>The slowest fault.</summary>
    public FaultTrace? Slowest { get; private set; }

    /// <summary>Sum of the time of each hop.</summary>
    public IReadOnlyList<long> HopNanoseconds => _hops;

    /// <summary>Faults that passed each hop.</summary>
    public IReadOnlyList<long> HopSamples => _hopSamples;

    public void Record(FaultTrace trace)
    {
        long nanoseconds = trace.Nanoseconds;
        _latency.RecordValue(Math.Clamp(nanoseconds, 0, LongestNanoseconds));
        BlockedNanoseconds += nanoseconds;
        UffdMeter.Record(nanoseconds);
        UffdActivities.Record(trace, _latency.TotalCount - 1);
        for (int i = 0; i < FaultHops.Count; i++)
        {
            if (FaultHops.NanosecondsOf(trace, i) is not { } hop) continue;
            _hops[i] += hop;
            _hopSamples[i]++;
        }

        observer?.Invoke(trace.Copy());
        if (Slowest is null || nanoseconds > Slowest.Nanoseconds) Slowest = trace.Copy();
    }
}
