namespace UffdActors.Hosting.Tests;

/// <summary>Tests that look at what the whole process measures: one after the other.</summary>
[CollectionDefinition(nameof(OneRuntimeCollection))]
public sealed class OneRuntimeCollection;
