namespace UffdActors.Explore.Scenarios;

/// <summary>A scenario that means nothing. The message names it, what is wrong, and what is expected.</summary>
internal sealed class ScenarioException(string message, Exception? inner = null) : Exception(message, inner);
