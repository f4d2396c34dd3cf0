namespace UffdActors.Recorder.Comparison;

/// <summary>A difference, and the seed whose program showed it first.</summary>
/// <param name="Seed">Seed.</param>
/// <param name="Difference">The smallest program found.</param>
internal sealed record FoundDifference(ulong Seed, LiveDifference Difference);
