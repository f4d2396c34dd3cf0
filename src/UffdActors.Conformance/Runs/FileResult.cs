using UffdActors.Conformance.Replay;

namespace UffdActors.Conformance.Runs;

/// <summary>Result for a file.</summary>
/// <param name="Name">Path inside the folder.</param>
/// <param name="Rows">Rows of a matrix.</param>
/// <param name="Steps">Steps of a trace.</param>
/// <param name="Ways">Results, way by way.</param>
internal sealed record FileResult(string Name, int Rows, int Steps, IReadOnlyList<WayResult> Ways)
{
    /// <summary>Fields compared, over all ways.</summary>
    public long Fields => Ways.Sum(w => w.Fields);

    /// <summary>What differed, over all ways.</summary>
    public IEnumerable<Mismatch> Mismatches => Ways.SelectMany(w => w.Mismatches);
}
