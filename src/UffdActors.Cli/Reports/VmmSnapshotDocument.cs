using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Snapshots;

namespace UffdActors.Cli.Reports;

/// <summary>A snapshot that was taken, for machines, version 1; JSON.md explains every field.</summary>
internal sealed record VmmSnapshotDocument(
    bool Verified, IReadOnlyList<string> Differences, string File, string? Parent, int Parents, long MemoryBytes, string Backend,
    ProgramKind Program, int Vcpus, int Rounds, bool Live, double? Progress, long? StoredPages, long PausedNanoseconds,
    long LongestProtectNanoseconds, int ProtectRounds, long CopiedPausedPages, long KeptBeforePages, long LongestHeldNanoseconds,
    long CopiedNanoseconds, VmmRunDocument.SidePart? Guest, IReadOnlyList<string> Incidents)
{
    public static VmmSnapshotDocument Of(SnapshotRunOptions options, SnapshotReport report, IReadOnlyList<string> incidents) => new(
        report.Differences.Count == 0, report.Differences, options.Path, options.Parent?.Path, report.Parents, options.Plan.MemoryBytes,
        options.Backend ?? "anon", options.Plan.Kind, options.Plan.Vcpus, options.Plan.Rounds, options.IsLive,
        report.Document?.State.Progress, report.Document?.StoredPages, (long)report.Paused.TotalNanoseconds,
        (long)report.LongestProtect.TotalNanoseconds, report.Rounds, report.CopiedPaused, report.KeptBefore,
        (long)report.LongestHeld.TotalNanoseconds, (long)report.Copied.TotalNanoseconds,
        report.Result is { } result ? VmmRunDocument.Side(result) : null, incidents);
}
