using System.Numerics;

namespace UffdActors.Pictures.History;

/// <summary>Buckets of latencies, eight to a power of two: a percentile out of them is right within 9 %.</summary>
internal static class LogBuckets
{
    private const int SubBits = 3;
    private const int Sub = 1 << SubBits;

    /// <summary>Number of buckets: up to 2^40 ns, some 18 minutes; the last takes what is longer.</summary>
    public const int Count = 41 * Sub;

    /// <summary>Bucket of a latency in nanoseconds.</summary>
    public static int IndexOf(long nanoseconds)
    {
        if (nanoseconds < Sub) return (int)Math.Max(0, nanoseconds);
        int power = 63 - BitOperations.LeadingZeroCount((ulong)nanoseconds);
        int sub = (int)(nanoseconds >> (power - SubBits)) & (Sub - 1);
        return Math.Min(Count - 1, ((power - SubBits + 1) * Sub) + sub);
    }

    /// <summary>The latency in the middle of a bucket, in nanoseconds.</summary>
    public static double ValueOf(int bucket)
    {
        if (bucket < Sub) return bucket;
        double from = Math.ScaleB(Sub + (bucket % Sub), (bucket / Sub) - 1);
        double width = Math.ScaleB(1, (bucket / Sub) - 1);
        return from + (width / 2);
    }

    /// <summary>Percentile of counts in buckets, in nanoseconds; null of none.</summary>
    /// <param name="counts">A count for each bucket.</param>
    /// <param name="percentile">0 to 100.</param>
    public static double? Percentile(ReadOnlySpan<int> counts, double percentile)
    {
        long all = 0;
        foreach (int count in counts) all += count;
        if (all == 0) return null;
        long rank = Math.Max(1, (long)Math.Ceiling(all * percentile / 100));
        long seen = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            seen += counts[i];
            if (seen >= rank) return ValueOf(i);
        }

        return ValueOf(counts.Length - 1);
    }
}
