namespace UffdActors.Bench.Events;

/// <summary>One number of regions: demand faults of one vCPU in the first and in the last of them, in turns.</summary>
/// <param name="Regions">Regions that are served.</param>
/// <param name="FirstFaultsPerSecond">Faults a second in the first region.</param>
/// <param name="LastFaultsPerSecond">Faults a second in the last.</param>
/// <param name="FirstP50Nanoseconds">Median of a fault in the first region.</param>
/// <param name="LastP50Nanoseconds">Median of a fault in the last.</param>
/// <param name="LastP50OverFirst">The one over the other, repeat by repeat.</param>
internal sealed record RegionRow(
    int Regions, Spread FirstFaultsPerSecond, Spread LastFaultsPerSecond, Spread FirstP50Nanoseconds, Spread LastP50Nanoseconds,
    Spread LastP50OverFirst)
{
    internal static RegionRow Of(RegionCell cell)
    {
        return new RegionRow(
            cell.Regions,
            Figure(s => s.First.PerSecond),
            Figure(s => s.Last.PerSecond),
            Figure(s => s.First.P50Nanoseconds),
            Figure(s => s.Last.P50Nanoseconds),
            Figure(s => s.Last.P50Nanoseconds / s.First.P50Nanoseconds));

        Spread Figure(Func<RegionSample, double> of) => Spread.Of(cell.Samples.Select(of));
    }
}
