namespace UffdActors.Bench;

/// <summary>Several VMs at the same time, beside one alone.</summary>
/// <param name="Count">How many.</param>
/// <param name="FaultsPerSecond">Faults per second of all together.</param>
/// <param name="OverOne">That over the rate of one VM alone, repeat by repeat.</param>
internal sealed record SideBySide(int Count, Spread FaultsPerSecond, Spread OverOne)
{
    internal static SideBySide? Of(int count, BenchCell cell, Func<RepeatSample, FaultRun?> which) => count < 2
        ? null
        : new SideBySide(
            count,
            Spread.Of(cell.Samples.Select(s => which(s)!.Value.PerSecond)),
            Spread.Of(cell.Samples.Select(s => which(s)!.Value.PerSecond / s.One.PerSecond)));
}
