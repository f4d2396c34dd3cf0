using System.Collections.Immutable;

namespace UffdActors.Explore.Scenarios;

/// <summary>A region of guest memory.</summary>
/// <param name="Name">Name.</param>
/// <param name="Pages">Size in pages of the scenario.</param>
/// <param name="Memory">What it is made of.</param>
/// <param name="Alias">A second mapping, fully populated, through which content is written.</param>
/// <param name="Zeros">Pages that the source answers as zeros.</param>
internal sealed record RegionPlan(string Name, int Pages, MemoryKind Memory, bool Alias, ImmutableArray<int> Zeros);
