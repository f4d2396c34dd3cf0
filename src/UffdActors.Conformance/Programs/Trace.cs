namespace UffdActors.Conformance.Programs;

/// <summary>A recorded program: header, steps, and what each step showed.</summary>
/// <param name="Name">File name without folder.</param>
/// <param name="Header">Line 1.</param>
/// <param name="Steps">The steps; the last is <see cref="ProgramOp.Final"/>.</param>
internal sealed record Trace(string Name, TraceHeader Header, IReadOnlyList<TraceStep> Steps);
