using UffdActors.Model.Memory;

namespace UffdActors.Dispatch.Stepping;

/// <summary>SplitMix64: small, seeded, the same everywhere and for ever.</summary>
internal static class SplitMix
{
    public static ulong Next(ref ulong state)
    {
        ulong z = state += GoldenRatio.Increment;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }
}
