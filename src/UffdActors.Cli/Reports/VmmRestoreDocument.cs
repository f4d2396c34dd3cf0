using UffdActors.Kvm.Snapshots;

namespace UffdActors.Cli.Reports;

/// <summary>A guest that was restored, for machines, version 1; JSON.md explains every field.</summary>
internal sealed record VmmRestoreDocument(
    bool Verified, IReadOnlyList<string> Differences, string File, long MemoryBytes, double Progress, long OpenedNanoseconds,
    long StartedNanoseconds, long? FirstInstructionNanoseconds, VmmRunDocument.SidePart Guest, IReadOnlyList<string> Incidents)
{
    public static VmmRestoreDocument Of(string file, SnapshotDocument state, RestoreReport report, IReadOnlyList<string> incidents) => new(
        report.Differences.Count == 0, report.Differences, file, state.MemoryBytes, state.State.Progress,
        (long)report.Opened.TotalNanoseconds, (long)report.Started.TotalNanoseconds, (long?)report.FirstInstruction?.TotalNanoseconds,
        VmmRunDocument.Side(report.Result), incidents);
}
