namespace UffdActors.Conformance.Programs;

/// <summary>A step and what it showed.</summary>
/// <param name="Step">The operation.</param>
/// <param name="Expected">What was observed.</param>
internal sealed record TraceStep(ProgramStep Step, Observation Expected);
