namespace UffdActors.Bench.Events;

/// <summary>A number of regions, and its measurements.</summary>
internal sealed record RegionCell(int Regions)
{
    /// <summary>Repeat by repeat.</summary>
    public List<RegionSample> Samples { get; } = [];
}
