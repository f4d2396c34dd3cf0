namespace UffdActors.Bench.Events;

/// <summary>A number of regions, and what was measured with it.</summary>
internal sealed record RegionCell(int Regions)
{
    /// <summary>Repeat by repeat.</summary>
    public List<RegionSample> Samples { get; } = [];
}
