using UffdActors.PostCopy;

namespace UffdActors.Cli.Reports;

/// <summary>The source's report of a migration between processes for machines; JSON.md explains every field.</summary>
internal sealed record MigrateSourceDocument(
    bool Verified, bool KeepsGuest, bool Delivered, string? Ending, long HandOvers, int LostLinks, long DowntimeNs, long TotalNs,
    int PrecopyRounds, long PrecopyBytes, long Bytes, long Pages, long ZeroPages, string? ExpectedSha256, string? ActualSha256)
{
    public static MigrateSourceDocument Of(MigrationSourceReport report) => new(
        report.ExpectedHash is not null && report.ExpectedHash == report.ActualHash && report.IsDelivered, report.KeepsGuest,
        report.IsDelivered, report.Ending.Length == 0 ? null : report.Ending, report.HandOvers, report.LostLinks, Ns(report.Downtime),
        Ns(report.Duration), report.Rounds, report.PreCopyBytes, report.Bytes, report.Pages, report.ZeroPages, report.ExpectedHash,
        report.ActualHash);

    private static long Ns(TimeSpan time) => time.Ticks * TimeSpan.NanosecondsPerTick;
}
