namespace UffdActors.Conformance.Runs;

/// <summary>How fast a way replays traces that are already parsed.</summary>
/// <param name="Way">kernel or actors.</param>
/// <param name="Passes">Passes that count.</param>
/// <param name="StepsPerSecond">Steps a second, on one thread.</param>
internal sealed record SpeedResult(string Way, int Passes, double StepsPerSecond);
