using UffdActors.Kvm.Snapshots;

namespace UffdActors.Cli.Reports;

/// <summary>Guests of one snapshot, for machines, version 1; JSON.md explains every field.</summary>
internal sealed record VmmCloneDocument(
    bool Verified, string File, int Clones, long MemoryBytes, long SharedBytes, IReadOnlyList<long> PrivateBytes, long OneBytes,
    long AllBytes, long FilledNanoseconds, long DurationNanoseconds, IReadOnlyList<VmmCloneDocument.GuestPart> Guests,
    IReadOnlyList<string> Incidents)
{
    public static VmmCloneDocument Of(Snapshot snapshot, CloneReport report, IReadOnlyList<string> incidents) => new(
        report.Clones.All(c => c.Differences.Count == 0), snapshot.Path, report.Clones.Count, snapshot.Document.MemoryBytes,
        report.SharedBytes, report.PrivateBytes, report.OneBytes, report.AllBytes, (long)report.Filled.TotalNanoseconds,
        (long)report.Duration.TotalNanoseconds, [.. report.Clones.Select(c => new GuestPart(c.Differences, VmmRunDocument.Side(c.Result)))],
        incidents);

    public sealed record GuestPart(IReadOnlyList<string> Differences, VmmRunDocument.SidePart Guest);
}
