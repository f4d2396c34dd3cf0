using System.Globalization;
using UffdActors.Kvm.Moves;
using UffdActors.Kvm.Programs;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Reports;

/// <summary>The source's report of a migration between processes for machines; JSON.md explains every field.</summary>
internal sealed record MigrateSourceDocument(
    bool Verified, bool KeepsGuest, bool Delivered, string? Ending, long HandOvers, int LostLinks, long DowntimeNs, long StoppedAtNs,
    long TotalNs,
    int PrecopyRounds, long PrecopyBytes, long Bytes, long Pages, long ZeroPages, string? ExpectedSha256, string? ActualSha256,
    MigrateSourceDocument.KvmPart? Kvm)
{
    public static MigrateSourceDocument Of(MigrationSourceReport report, LeavingProgram? program = null) => new(
        report.ExpectedHash is not null && report.ExpectedHash == report.ActualHash && report.IsDelivered, report.KeepsGuest,
        report.IsDelivered, report.Ending.Length == 0 ? null : report.Ending, report.HandOvers, report.LostLinks, Ns(report.Downtime),
        Ns(report.StoppedAt), Ns(report.Duration), report.Rounds, report.PreCopyBytes, report.Bytes, report.Pages, report.ZeroPages,
        report.ExpectedHash, report.ActualHash, program is null ? null : KvmPart.Of(program));

    /// <summary>What is told of a KVM guest only.</summary>
    public sealed record KvmPart(
        ProgramKind Program, long MemoryBytes, int Vcpus, int Rounds, bool LargePages, int? LeftRunning,
        IReadOnlyList<string>? ExpectedChecksums, IReadOnlyList<string>? ActualChecksums)
    {
        public static KvmPart Of(LeavingProgram guest)
        {
            GuestPlan plan = guest.Program.Plan;
            return new(
                plan.Kind, plan.MemoryBytes, plan.Vcpus, plan.Rounds, plan.LargePages, guest.LeftRunning, Hex(guest.Expected),
                Hex(guest.Actual));
        }

        /// <summary>Numbers in hexadecimal.</summary>
        public static IReadOnlyList<string>? Hex(IReadOnlyList<ulong>? values) =>
            values is null ? null : [.. values.Select(v => string.Create(CultureInfo.InvariantCulture, $"0x{v:x}"))];
    }

    private static long Ns(TimeSpan time) => time.Ticks * TimeSpan.NanosecondsPerTick;
}
