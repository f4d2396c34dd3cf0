namespace UffdActors.Explore.Scenarios;

/// <summary>An invalid scenario. The message names it, what is wrong, and what is expected.</summary>
internal sealed class ScenarioException(string message, Exception? inner = null) : Exception(message, inner);
