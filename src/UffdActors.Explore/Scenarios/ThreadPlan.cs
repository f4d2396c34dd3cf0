using System.Collections.Immutable;

namespace UffdActors.Explore.Scenarios;

/// <summary>A thread and its actions, in order.</summary>
internal sealed record ThreadPlan(string Name, ImmutableArray<ThreadAction> Actions);
