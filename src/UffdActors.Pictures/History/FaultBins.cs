namespace UffdActors.Pictures.History;

/// <summary>
/// Faults by time, in bins of one width: how long they took, which hop took how long, and how long each vCPU was blocked. Every fault is in
/// it; when the run grows longer than the bins, two neighbours become one, so it never grows.
/// </summary>
/// <remarks>Not safe for several threads.</remarks>
internal sealed class FaultBins
{
    /// <summary>Bins, at most; at least half of them are used by the end of a run.</summary>
    public const int Most = 240;

    private const long FirstWidth = 100_000;

    private readonly int[] _latencies = new int[Most * LogBuckets.Count];
    private readonly long[] _hopNanoseconds = new long[Most * Hops];
    private readonly int[] _hopFaults = new int[Most * Hops];
    private readonly List<long[]> _blocked = [];

    private static int Hops => FaultSpan.HopNames.Count;

    /// <summary>Nanoseconds of a bin.</summary>
    public long Width { get; private set; } = FirstWidth;

    /// <summary>Bins that anything fell into, or lies behind.</summary>
    public int Used { get; private set; }

    /// <summary>Faults.</summary>
    public long Faults { get; private set; }

    /// <summary>vCPUs that have faulted: numbers below this.</summary>
    public int Vcpus => _blocked.Count;

    /// <summary>Adds a fault that has ended.</summary>
    public void Add(in FaultSpan fault)
    {
        int bin = Reach(fault.Resumed);
        Faults++;
        _latencies[(bin * LogBuckets.Count) + LogBuckets.IndexOf(fault.Nanoseconds)]++;
        for (int hop = 0; hop < Hops; hop++)
        {
            if (fault.Hop(hop) is not { } nanoseconds) continue;
            _hopNanoseconds[(bin * Hops) + hop] += nanoseconds;
            _hopFaults[(bin * Hops) + hop]++;
        }

        while (_blocked.Count <= fault.Vcpu) _blocked.Add(new long[Most]);
        long[] blocked = _blocked[fault.Vcpu];
        for (long from = fault.Raised; from < fault.Resumed;)
        {
            long end = Math.Min(fault.Resumed, ((from / Width) + 1) * Width);
            blocked[from / Width] += end - from;
            from = end;
        }
    }

    /// <summary>Percentile of the faults that ended in a bin, in nanoseconds; null if none did.</summary>
    public double? Percentile(int bin, double percentile) => LogBuckets.Percentile(Latencies(bin), percentile);

    /// <summary>Percentile of the faults of several bins; null if there are none.</summary>
    public double? Percentile(Range bins, double percentile) => LogBuckets.Percentile(Sum(bins), percentile);

    /// <summary>Faults in each of <see cref="LogBuckets"/>.</summary>
    public int[] Sum(Range bins)
    {
        (int first, int count) = bins.GetOffsetAndLength(Used);
        int[] sum = new int[LogBuckets.Count];
        for (int bin = first; bin < first + count; bin++)
        {
            ReadOnlySpan<int> counts = Latencies(bin);
            for (int i = 0; i < sum.Length; i++) sum[i] += counts[i];
        }

        return sum;
    }

    /// <summary>Mean of a hop over the run, in nanoseconds, and how many faults passed it.</summary>
    public (double Mean, long Faults) MeanHop(int hop) => MeanHop(.., hop);

    /// <summary>The same over several bins.</summary>
    public (double Mean, long Faults) MeanHop(Range bins, int hop)
    {
        (int first, int count) = bins.GetOffsetAndLength(Used);
        long nanoseconds = 0;
        long faults = 0;
        for (int bin = first; bin < first + count; bin++)
        {
            nanoseconds += _hopNanoseconds[(bin * Hops) + hop];
            faults += _hopFaults[(bin * Hops) + hop];
        }

        return (faults == 0 ? 0 : (double)nanoseconds / faults, faults);
    }

    /// <summary>Nanoseconds for which a vCPU was blocked in a bin: at most <see cref="Width"/>.</summary>
    public long Blocked(int vcpu, int bin) => vcpu < _blocked.Count ? _blocked[vcpu][bin] : 0;

    /// <summary>Nanoseconds for which a vCPU was blocked.</summary>
    public long Blocked(int vcpu) => vcpu < _blocked.Count ? _blocked[vcpu].Sum() : 0;

    /// <summary>The same as it is now, for another thread.</summary>
    public FaultBins Copy()
    {
        FaultBins copy = new() { Width = Width, Used = Used, Faults = Faults };
        _latencies.CopyTo(copy._latencies, 0);
        _hopNanoseconds.CopyTo(copy._hopNanoseconds, 0);
        _hopFaults.CopyTo(copy._hopFaults, 0);
        foreach (long[] blocked in _blocked) copy._blocked.Add([.. blocked]);
        return copy;
    }

    private ReadOnlySpan<int> Latencies(int bin) => _latencies.AsSpan(bin * LogBuckets.Count, LogBuckets.Count);

    // The bin of a moment, after as many merges as it takes.
    private int Reach(long nanoseconds)
    {
        while (nanoseconds / Width >= Most) Halve();
        int bin = (int)(nanoseconds / Width);
        Used = Math.Max(Used, bin + 1);
        return bin;
    }

    private void Halve()
    {
        Merge(_latencies, LogBuckets.Count, static (a, b) => a + b);
        Merge(_hopNanoseconds, Hops, static (a, b) => a + b);
        Merge(_hopFaults, Hops, static (a, b) => a + b);
        foreach (long[] blocked in _blocked) Merge(blocked, 1, static (a, b) => a + b);
        Width *= 2;
        Used = (Used + 1) / 2;
    }

    private static void Merge<T>(T[] values, int size, Func<T, T, T> add)
    {
        for (int bin = 0; bin < Most / 2; bin++)
        {
            for (int i = 0; i < size; i++)
                values[(bin * size) + i] = add(values[(2 * bin * size) + i], values[(((2 * bin) + 1) * size) + i]);
        }

        Array.Clear(values, Most / 2 * size, values.Length - (Most / 2 * size));
    }
}
