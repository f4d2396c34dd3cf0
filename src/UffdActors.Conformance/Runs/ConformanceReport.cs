using UffdActors.Conformance.Replay;

namespace UffdActors.Conformance.Runs;

/// <summary>The result of a replay.</summary>
/// <param name="Folder">Folder of the recordings.</param>
/// <param name="Profile">Kernel profile.</param>
/// <param name="Files">Results, file by file.</param>
/// <param name="Skipped">Traces and rows of which a way has compared nothing; anything but 0 is no pass.</param>
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
