using UffdActors.Cli.Guests;
using UffdActors.Kvm.Moves;
using UffdActors.Kvm.Programs;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Reports;

/// <summary>The destination's report of a migration between processes for machines; JSON.md explains every field.</summary>
internal sealed record MigrateDestinationDocument(
    bool Verified, bool HasGuest, bool Delivered, string? Ending, string? GuestError, string? World, string? Kernel, int? LoopCpu,
    int? VcpuCpu, int PageBytes, long Pages, long MissingPages, int LostLinks, long RanAtNs, long LoadNs, long MemoryCompleteNs,
    long GuestDoneNs, long Bytes, long CopiedPages, long Requests, long RequestWaitNs, long PolledAnswers, long Faults, long Repeats,
    long PushPages,
    long PushZeroPages, PostCopyDocument.LatencyPart? Latency, string? ExpectedSha256, string? ActualSha256,
    MigrateDestinationDocument.KvmPart? Kvm)
{
    public static MigrateDestinationDocument Of(MigrationDestinationReport report, ReceivedGuest guest) => new(
        report.IsVerified && guest.Error is null, report.HasGuest, report.IsDelivered, report.Ending.Length == 0 ? null : report.Ending,
        guest.Error, report.Place?.World, report.Place?.Kernel, report.Place?.LoopCpu, report.Place?.VcpuCpu, report.PageBytes,
        report.Pages, report.MissingPages, report.LostLinks,
        Ns(report.HasGuest && guest.Program?.Program is { } kvm ? kvm.LastRanAt : report.RanAt), Ns(report.LoadTime), Ns(report.PageTime),
        Ns(report.GuestTime), report.Bytes,
        report.CopiedPages, report.Demands, Ns(report.DemandTime), report.PolledAnswers, report.Faults?.Faults ?? 0,
        report.Faults?.Repeated ?? 0, report.PushedPages, report.PushedZeroPages,
        report.Latency is null ? null : PostCopyDocument.LatencyPart.Of(report.Latency), report.ExpectedHash, report.Hash,
        guest.Program?.Program is { } program ? KvmPart.Of(program, guest.Program.Checksums) : null);

    /// <summary>What is told of a KVM guest only.</summary>
    public sealed record KvmPart(
        ProgramKind Program, long MemoryBytes, int Vcpus, int Rounds, bool LargePages, long Exits, long GivenBackPages, string Console,
        IReadOnlyList<string>? Checksums)
    {
        public static KvmPart Of(MovedProgram guest, IReadOnlyList<ulong>? checksums) => new(
            guest.Plan.Kind, guest.Plan.MemoryBytes, guest.Plan.Vcpus, guest.Plan.Rounds, guest.Plan.LargePages, guest.Exits,
            guest.Device.GivenBack, guest.Device.Console, MigrateSourceDocument.KvmPart.Hex(checksums));
    }

    private static long Ns(TimeSpan time) => time.Ticks * TimeSpan.NanosecondsPerTick;
}
