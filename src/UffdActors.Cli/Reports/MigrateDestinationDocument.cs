using UffdActors.PostCopy;

namespace UffdActors.Cli.Reports;

/// <summary>The destination's report of a migration between processes for machines; JSON.md explains every field.</summary>
internal sealed record MigrateDestinationDocument(
    bool Verified, bool HasGuest, bool Delivered, string? Ending, string? GuestError, string? World, string? Kernel, int? LoopCpu,
    int? VcpuCpu, int PageBytes, long Pages, long MissingPages, int LostLinks, long LoadNs, long MemoryCompleteNs, long GuestDoneNs,
    long Bytes, long CopiedPages, long Requests, long PolledAnswers, long Faults, long PushPages, long PushZeroPages,
    PostCopyDocument.LatencyPart? Latency, string? ExpectedSha256, string? ActualSha256)
{
    public static MigrateDestinationDocument Of(MigrationDestinationReport report, WorkloadGuest guest) => new(
        report.IsVerified && guest.Error is null, report.HasGuest, report.IsDelivered, report.Ending.Length == 0 ? null : report.Ending,
        guest.Error, report.Place?.World, report.Place?.Kernel, report.Place?.LoopCpu, report.Place?.VcpuCpu, report.PageBytes,
        report.Pages, report.MissingPages, report.LostLinks, Ns(report.LoadTime), Ns(report.PageTime), Ns(report.GuestTime), report.Bytes,
        report.CopiedPages, report.Demands, report.PolledAnswers, report.Faults?.Faults ?? 0, report.PushedPages, report.PushedZeroPages,
        report.Latency is null ? null : PostCopyDocument.LatencyPart.Of(report.Latency), report.ExpectedHash, report.Hash);

    private static long Ns(TimeSpan time) => time.Ticks * TimeSpan.NanosecondsPerTick;
}
