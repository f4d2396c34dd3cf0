using System.Diagnostics;

namespace UffdActors.Bench;

/// <summary>Faults that were measured.</summary>
/// <param name="Faults">How many.</param>
/// <param name="Began">Time stamp of the first access (CLOCK_MONOTONIC, the same in every process).</param>
/// <param name="Ended">Time stamp at which the last one had ended.</param>
internal readonly record struct FaultRun(long Faults, long Began, long Ended)
{
    /// <summary>Faults per second.</summary>
    public double PerSecond => Faults / Stopwatch.GetElapsedTime(Began, Ended).TotalSeconds;

    /// <summary>Runs side by side, as one: all faults, from the first to the last.</summary>
    public static FaultRun Together(IReadOnlyCollection<FaultRun> runs) =>
        new(runs.Sum(r => r.Faults), runs.Min(r => r.Began), runs.Max(r => r.Ended));
}
