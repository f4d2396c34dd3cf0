using System.Globalization;
using UffdActors.Kvm;
using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Runs;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Reports;

/// <summary>The report of a KVM guest for machines, version 1; JSON.md explains every field.</summary>
internal sealed record VmmRunDocument(
    bool Verified, IReadOnlyList<string> Differences, VmmRunDocument.RunPart Run, VmmRunDocument.SidePart Present,
    VmmRunDocument.SidePart Served, IReadOnlyList<string> Incidents)
{
    public static VmmRunDocument Of(
        GuestRunOptions options, GuestResult present, GuestResult served, IReadOnlyList<string> differences,
        IReadOnlyList<string> incidents) => new(
            differences.Count == 0,
            differences,
            new RunPart(
                options.Image.Name, options.Image.Bytes, options.Plan.MemoryBytes, served.PageBytes, options.Plan.Vcpus, options.Plan.Kind,
                options.Plan.Rounds, options.Plan.LargePages, options.Backend ?? "anon", options.Mode, options.Handlers,
                options.Prefetch is { } prefetch ? prefetch.Order?.Name ?? "linear" : null, served.Place.Kernel, served.Place.LoopCpu,
                served.Place.VcpuCpu),
            Side(present),
            Side(served),
            incidents);

    /// <summary>A guest at its end.</summary>
    public static SidePart Side(GuestResult result) => new(
        result.MemorySha256, (long)result.Duration.TotalNanoseconds, result.Exits, result.GivenBack, result.Console,
        result.Faults is { } f ? new FaultsPart(f.Faults, f.Missing, f.MissingWrites, f.Minor, f.MinorWrites, f.Merged, f.Repeated) : null,
        new PagesPart(
            result.Faults?.DemandPages ?? 0, result.Faults?.DemandZeroPages ?? 0, result.PushedPages, result.AbsentPages),
        [
            .. result.Ends.Select((e, i) => new VcpuPart(
                e.Vcpu, e.Kind, e.Message, Hex(e.Rip), Hex(e.Address), e.Region, e.Page, Hex(result.Checksums[i]),
                result.Latencies[i] is { } l
                    ? new WaitsPart(l.Faults, l.BlockedNanoseconds, l.P50Nanoseconds, l.P99Nanoseconds, l.MaxNanoseconds)
                    : null)),
        ]);

    private static string? Hex(ulong? value) =>
        value is { } v ? string.Create(CultureInfo.InvariantCulture, $"0x{v:x}") : null;

    public sealed record RunPart(
        string Image, long ImageBytes, long MemoryBytes, int PageBytes, int Vcpus, ProgramKind Program, int Rounds, bool LargePages,
        string Backend, PostCopyMode Mode, int Handlers, string? Prefetch, string Kernel, int? LoopCpu, int? VcpuCpu);

    public sealed record SidePart(
        string? MemorySha256, long GuestNs, long Exits, long GivenBackPages, string Console, FaultsPart? Faults, PagesPart Pages,
        IReadOnlyList<VcpuPart> Vcpus);

    public sealed record FaultsPart(
        long Total, long Missing, long MissingByWrite, long Minor, long MinorByWrite, long Merged, long Repeated);

    public sealed record PagesPart(long Demand, long DemandZero, long Push, long Absent);

    public sealed record VcpuPart(
        int Vcpu, VcpuEndKind End, string Message, string? Rip, string? Address, int? Region, long? Page, string? Checksum,
        WaitsPart? Waits);

    public sealed record WaitsPart(long Faults, long BlockedNs, long P50Ns, long P99Ns, long MaxNs);
}
