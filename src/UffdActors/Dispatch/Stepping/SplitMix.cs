using UffdActors.Model.Memory;

namespace UffdActors;

/// <summary>
/// SplitMix64: seeded numbers for policies, workloads and made memory; the same seed gives the same numbers on every machine.
/// </summary>
public static class SplitMix
{
    /// <summary>The next number.</summary>
    /// <param name="state">The seed at first; changed by each call.</param>
    public static ulong Next(ref ulong state)
    {
        ulong z = state += GoldenRatio.Increment;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }
}
