namespace UffdActors.Model.Memory;

/// <summary>
/// Multiplicative (Fibonacci) hashing: a product with 2^64, or 2^32, divided by the golden ratio spreads neighbouring numbers over the
/// upper bits. The values are part of traces, digests and guest patterns, so they are the same in every version.
/// </summary>
internal static class GoldenRatio
{
    /// <summary>2^64 divided by the golden ratio, odd: the increment of SplitMix64 too.</summary>
    public const ulong Increment = 0x9E37_79B9_7F4A_7C15;

    private const ulong Short = 0x9E37_79B9;

    /// <summary>The hash of a number; use its upper bits, which are the well-mixed ones.</summary>
    public static ulong Hash(ulong number) => number * Increment;

    /// <summary>The hash by 2^32 divided by the golden ratio, in 64 bits: a small number leaves the upper bits zero.</summary>
    public static ulong ShortHash(ulong number) => number * Short;

    /// <summary>The bucket of a number in a table whose length is a power of two, up to 2^24.</summary>
    public static int Bucket(ulong number, int length) => (int)(Hash(number) >> 40) & (length - 1);
}
