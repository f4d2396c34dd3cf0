namespace UffdActors.Stress.Injection;

/// <summary>Draws with a chance.</summary>
internal static class Chance
{
    /// <summary>True with a chance of 0 to 1.</summary>
    public static bool Of(double chance, ref ulong state) => chance > 0 && (SplitMix.Next(ref state) >> 11) * (1.0 / (1UL << 53)) < chance;
}
