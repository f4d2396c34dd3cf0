using System.Diagnostics;

namespace UffdActors.Bench;

/// <summary>A run of the empty ring.</summary>
/// <param name="Hops">Hops made.</param>
/// <param name="Began">Time stamp of the first.</param>
/// <param name="Ended">Time stamp of the last.</param>
internal readonly record struct HopRun(long Hops, long Began, long Ended)
{
    /// <summary>Nanoseconds a hop.</summary>
    public double Nanoseconds => Stopwatch.GetElapsedTime(Began, Ended).TotalNanoseconds / Hops;
}
