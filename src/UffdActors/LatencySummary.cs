using HdrHistogram;
using UffdActors.Statistics;

namespace UffdActors;

/// <summary>Latencies of many faults: percentiles, QEMU's power-of-two buckets, the mean of each hop, the slowest fault.</summary>
public sealed record LatencySummary
{
    /// <summary>Faults that were stamped.</summary>
    public required long Samples { get; init; }

    /// <summary>Percentile and latency in nanoseconds: 50, 90, 99, 99.9, 100.</summary>
    public required IReadOnlyList<(double Percentile, long Nanoseconds)> Percentiles { get; init; }

    /// <summary>Mean in nanoseconds.</summary>
    public required double MeanNanoseconds { get; init; }

    /// <summary>
    /// Faults with a latency from <c>FromMicroseconds</c> up to twice that, as QEMU's post-copy latency distribution has them; the first
    /// bucket begins at 0.
    /// </summary>
    public required IReadOnlyList<(long FromMicroseconds, long Faults)> Buckets { get; init; }

    /// <summary>Name, mean in nanoseconds and samples of each hop.</summary>
    public required IReadOnlyList<(string Hop, double MeanNanoseconds, long Samples)> Hops { get; init; }

    /// <summary>The slowest fault; null if there was none.</summary>
    public required FaultTrace? Slowest { get; init; }

    /// <summary>Sums up the vCPUs of a group, when their work has ended.</summary>
    public static LatencySummary Of(VcpuGroup vcpus)
    {
        ArgumentNullException.ThrowIfNull(vcpus);
        LongHistogram all = vcpus.Latencies();
        LatencyRecorder[] recorders = [.. vcpus.Recorders()];
        return new LatencySummary
        {
            Samples = all.TotalCount,
            Percentiles = [.. new[] { 50, 90, 99, 99.9, 100 }.Select(p => (p, all.TotalCount == 0 ? 0 : all.GetValueAtPercentile(p)))],
            MeanNanoseconds = all.TotalCount == 0 ? 0 : all.GetMean(),
            Buckets = BucketsOf(all),
            Hops = [.. Enumerable.Range(0, FaultHops.Count).Select(i => HopOf(recorders, i))],
            Slowest = recorders.Select(r => r.Slowest).OfType<FaultTrace>().MaxBy(t => t.Nanoseconds),
        };
    }

    private static List<(long FromMicroseconds, long Faults)> BucketsOf(LongHistogram all)
    {
        SortedDictionary<long, long> buckets = [];
        foreach (HdrHistogram.Iteration.HistogramIterationValue value in all.RecordedValues())
        {
            long microseconds = value.ValueIteratedTo / 1000;
            long from = microseconds < 1 ? 0 : 1L << (63 - System.Numerics.BitOperations.LeadingZeroCount((ulong)microseconds));
            buckets[from] = buckets.GetValueOrDefault(from) + value.CountAtValueIteratedTo;
        }

        return [.. buckets.Select(b => (b.Key, b.Value))];
    }

    private static (string Hop, double MeanNanoseconds, long Samples) HopOf(LatencyRecorder[] recorders, int hop)
    {
        long samples = recorders.Sum(r => r.HopSamples[hop]);
        return (FaultHops.NameOf(hop), samples == 0 ? 0 : (double)recorders.Sum(r => r.HopNanoseconds[hop]) / samples, samples);
    }
}
