using UffdActors.Conformance.Replay;

namespace UffdActors.Conformance.Runs;

/// <summary>What one way showed of one file.</summary>
/// <param name="Way">kernel, actors, or actors in random order.</param>
/// <param name="Fields">Fields compared.</param>
/// <param name="Mismatches">What differed.</param>
/// <param name="Seconds">Time of the thread that replayed it.</param>
internal sealed record WayResult(string Way, long Fields, IReadOnlyList<Mismatch> Mismatches, double Seconds);

/// <summary>What a file came to.</summary>
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

/// <summary>How fast a way replays traces that are already parsed.</summary>
/// <param name="Way">kernel or actors.</param>
/// <param name="Passes">Passes that count.</param>
/// <param name="StepsPerSecond">Steps a second, on one thread.</param>
internal sealed record SpeedResult(string Way, int Passes, double StepsPerSecond);

/// <summary>The result of a replay.</summary>
/// <param name="Folder">Folder of the recordings.</param>
/// <param name="Profile">Kernel profile.</param>
/// <param name="Files">Results, file by file.</param>
/// <param name="Skipped">Files, rows or steps that were not replayed; never anything but 0.</param>
/// <param name="Seconds">Wall-clock time.</param>
/// <param name="Speed">Speeds, if they were asked for.</param>
internal sealed record ConformanceReport(
    string Folder, string Profile, IReadOnlyList<FileResult> Files, int Skipped, double Seconds, IReadOnlyList<SpeedResult> Speed)
{
    /// <summary>Rows of all files.</summary>
    public int Rows => Files.Sum(f => f.Rows);

    /// <summary>Steps of all files.</summary>
    public int Steps => Files.Sum(f => f.Steps);

    /// <summary>Fields compared, over all ways.</summary>
    public long Fields => Files.Sum(f => f.Fields);

    /// <summary>What differed.</summary>
    public IEnumerable<Mismatch> Mismatches => Files.SelectMany(f => f.Mismatches);
}
