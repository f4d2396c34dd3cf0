namespace UffdActors.Conformance.Replay;

/// <summary>A field in which a step differs from the recording.</summary>
/// <param name="Where">Trace, or matrix.</param>
/// <param name="Step">Step number, or line of a matrix.</param>
/// <param name="Field">Field, as the trace names it; or column.</param>
/// <param name="Expected">What was recorded; "absent" if nothing was.</param>
/// <param name="Actual">What the step showed.</param>
internal sealed record Mismatch(string Where, int Step, string Field, string Expected, string Actual);
