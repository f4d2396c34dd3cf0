namespace UffdActors.Explore.Choices;

/// <summary>One choice.</summary>
/// <param name="Value">What was chosen; 0 is the plainest.</param>
/// <param name="Bound">How many values there were.</param>
internal readonly record struct Choice(int Value, int Bound);
