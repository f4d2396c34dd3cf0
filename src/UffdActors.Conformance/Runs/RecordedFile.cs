using UffdActors.Conformance.Matrices;
using UffdActors.Conformance.Programs;

namespace UffdActors.Conformance.Runs;

/// <summary>One file of recorded behaviour: a trace, or the rows of a matrix.</summary>
/// <param name="Name">Path inside the folder.</param>
/// <param name="Trace">The trace; null for a matrix.</param>
/// <param name="Rows">The rows; empty for a trace.</param>
internal sealed record RecordedFile(string Name, Trace? Trace, IReadOnlyList<MatrixRow> Rows)
{
    /// <summary>Steps of the trace; 0 for a matrix.</summary>
    public int Steps => Trace?.Steps.Count ?? 0;
}
