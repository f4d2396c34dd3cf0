namespace UffdActors.Bench.Events;

/// <summary>What one repeat measured of the faults.</summary>
internal readonly record struct RegionSample(RegionFigures First, RegionFigures Last);
