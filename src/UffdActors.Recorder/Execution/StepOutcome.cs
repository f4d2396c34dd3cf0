using UffdActors.Conformance.Programs;

namespace UffdActors.Recorder.Execution;

/// <summary>Outcome of a step in the child.</summary>
/// <param name="Observed">Its observation; null if there was none.</param>
/// <param name="Problem">How the child ended, or that it hangs and where; null if it lives.</param>
internal sealed record StepOutcome(Observation? Observed, string? Problem);
