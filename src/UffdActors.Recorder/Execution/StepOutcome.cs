using UffdActors.Conformance.Programs;

namespace UffdActors.Recorder.Execution;

/// <summary>What became of a step in the child.</summary>
/// <param name="Observed">What it showed; null if nothing came.</param>
/// <param name="Problem">How the child ended, or that it hangs and where; null if it lives.</param>
internal sealed record StepOutcome(Observation? Observed, string? Problem);
