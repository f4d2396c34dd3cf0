using System.Collections.Immutable;

namespace UffdActors.Explore.Scenarios;

/// <summary>A thread and what it does, one after the other.</summary>
internal sealed record ThreadPlan(string Name, ImmutableArray<ThreadAction> Actions);
