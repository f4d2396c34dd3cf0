namespace UffdActors.Bench.Events;

/// <summary>Faults of one region.</summary>
/// <param name="PerSecond">Faults over the time that they took.</param>
/// <param name="P50Nanoseconds">Median of one.</param>
internal readonly record struct RegionFigures(double PerSecond, double P50Nanoseconds);
