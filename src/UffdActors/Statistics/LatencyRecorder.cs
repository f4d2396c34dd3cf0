using HdrHistogram;

namespace UffdActors.Statistics;

/// <summary>Latencies of one vCPU's faults: percentiles, hops, the slowest. For one writer; read when it has stopped.</summary>
internal sealed class LatencyRecorder
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
        for (int i = 0; i < FaultHops.Count; i++)
        {
            if (FaultHops.NanosecondsOf(trace, i) is not { } hop) continue;
            _hops[i] += hop;
            _hopSamples[i]++;
        }

        if (Slowest is null || nanoseconds > Slowest.Nanoseconds) Slowest = trace.Copy();
    }
}

/// <summary>The hops of a fault, between two stations that it passed.</summary>
public static class FaultHops
{
    private static readonly (string Name, Func<FaultTrace, long> From, Func<FaultTrace, long> To)[] Hops =
    [
        ("raised to read", t => t.Raised, t => t.Read),
        ("read to requested", t => t.Read, t => t.Requested),
        ("requested to data", t => t.Requested, t => t.Data),
        ("data to installed", t => t.Data, t => t.Installed),
        ("installed to woken", t => t.Installed, t => t.Woken),
        ("woken to resumed", t => t.Woken, t => t.Resumed),
    ];

    /// <summary>Number of hops.</summary>
    public static int Count => Hops.Length;

    /// <summary>Name of a hop.</summary>
    public static string NameOf(int hop) => Hops[hop].Name;

    /// <summary>Time of a hop; null if the fault did not pass both stations in this order.</summary>
    public static long? NanosecondsOf(FaultTrace trace, int hop)
    {
        ArgumentNullException.ThrowIfNull(trace);
        long from = Hops[hop].From(trace);
        long to = Hops[hop].To(trace);
        return from == 0 || to < from ? null : to - from;
    }
}
