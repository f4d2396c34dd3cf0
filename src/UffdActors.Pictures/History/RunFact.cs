namespace UffdActors.Pictures.History;

/// <summary>Something that is said of a run as a whole.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Value">How it was, for people.</param>
internal sealed record RunFact(string Name, string Value);
