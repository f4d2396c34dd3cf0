using UffdActors.PostCopy;

namespace UffdActors.Cli.Reports;

/// <summary>The report of a migration for machines, version 1; JSON.md explains every field.</summary>
internal sealed record PostCopyDocument
{
    public required bool Verified { get; init; }

    public required string TimesAre { get; init; }

    public required string Clock { get; init; }

    public required RunPart Run { get; init; }

    public required ChecksPart Checks { get; init; }

    public required TimePart Time { get; init; }

    public required FaultsPart Faults { get; init; }

    public required PagesPart Pages { get; init; }

    public required LatencyPart Latency { get; init; }

    public required IReadOnlyList<VcpuPart> Vcpus { get; init; }

    public required IReadOnlyList<string> Incidents { get; init; }

    public IReadOnlyDictionary<string, string> QemuNames { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["time.memoryCompleteNs"] = "total-time",
        ["time.allVcpusBlockedNs"] = "postcopy-blocktime",
        ["faults.requests"] = "postcopy-requests",
        ["pages.demand + pages.push"] = "normal",
        ["pages.demandZero + pages.pushZero"] = "duplicate",
        ["latency.meanNs"] = "postcopy-latency",
        ["latency.distribution"] = "postcopy-latency-dist",
        ["vcpus.blockedNs"] = "postcopy-vcpu-blocktime",
    };

    public static PostCopyDocument Of(PostCopyOptions options, string dispatcher, PostCopyReport report, IReadOnlyList<string> incidents) =>
        new()
        {
            Verified = report.Verified,
            TimesAre = report.Place.IsLive
            ? "real page faults on this kernel, source in the same process; no network"
            : "mechanism times of a model without latency; no estimate of a migration",
            Clock = report.IsVirtualTime ? "virtual" : "monotonic",
            Run = new RunPart
            {
                Image = options.Image.Name,
                MemoryBytes = options.Image.Bytes,
                PageBytes = report.PageBytes,
                Vcpus = options.Vcpus,
                Handlers = options.Handlers,
                Backend = options.Backend ?? "anon",
                Mode = options.Mode,
                World = report.Place.World,
                Kernel = report.Place.Kernel,
                Profile = report.Place.IsLive ? null : report.Place.Kernel,
                LoopCpu = report.Place.LoopCpu,
                VcpuCpu = report.Place.VcpuCpu,
                Dispatcher = dispatcher,
                Workload = options.Trace is null ? options.Workload : null,
                Trace = options.Trace,
                WriteRatio = options.Trace is null ? options.WriteRatio : null,
                Seed = options.Seed,
                Prefetch = options.Prefetch.Order?.Name ?? "linear",
                PushBytesPerSecond = options.Prefetch.BytesPerSecond == 0 ? null : options.Prefetch.BytesPerSecond,
            },
            Checks = new ChecksPart(
            report.Pages, report.MissingPages, report.SourceHash, report.DestinationHash, report.WrittenLanes, report.GuestError),
            Time = new TimePart(
            Ns(report.PushDuration), Ns(report.Duration), Ns(report.AllBlocked), report.GarbageCollection?.Collections,
            report.GarbageCollection is { } garbage ? Ns(garbage.Paused) : null),
            Faults = new FaultsPart(
            report.Faults, report.FaultsPerSecond, report.MissingReads, report.MissingWrites, report.MinorReads, report.MinorWrites,
            report.WriteProtectFaults, report.MergedFaults, report.DismissedRequests, report.Requests, report.RepeatedFaults),
            Pages = new PagesPart(report.DemandPages, report.DemandZeroPages, report.PushedPages, report.PushedZeroPages),
            Latency = LatencyPart.Of(report.Latency),
            Vcpus = [.. report.Vcpus.Select(v => new VcpuPart(v.Number, v.Accesses, v.Faults, v.BlockedNanoseconds, v.Repeats))],
            Incidents = incidents,
        };

    private static long Ns(TimeSpan time) => time.Ticks * TimeSpan.NanosecondsPerTick;

    public sealed record RunPart
    {
        public required string Image { get; init; }

        public required long MemoryBytes { get; init; }

        public required int PageBytes { get; init; }

        public required int Vcpus { get; init; }

        public required int Handlers { get; init; }

        public required string Backend { get; init; }

        public required PostCopyMode Mode { get; init; }

        public required string World { get; init; }

        public required string Kernel { get; init; }

        public required string? Profile { get; init; }

        public required int? LoopCpu { get; init; }

        public required int? VcpuCpu { get; init; }

        public required string Dispatcher { get; init; }

        public required WorkloadKind? Workload { get; init; }

        public required string? Trace { get; init; }

        public required double? WriteRatio { get; init; }

        public required ulong Seed { get; init; }

        public required string Prefetch { get; init; }

        public required long? PushBytesPerSecond { get; init; }
    }

    public sealed record ChecksPart(
        long Pages, long MissingPages, string SourceSha256, string DestinationSha256, long WrittenLanes, string? GuestError);

    public sealed record TimePart(
        long MemoryCompleteNs, long GuestDoneNs, long AllVcpusBlockedNs, int? GarbageCollections, long? GarbageCollectionPauseNs);

    public sealed record FaultsPart(
        long Total, double PerSecond, long MissingByRead, long MissingByWrite, long MinorByRead, long MinorByWrite, long WriteProtect,
        long Merged,
        long Dismissed, long Requests, long Repeated);

    public sealed record PagesPart(long Demand, long DemandZero, long Push, long PushZero);

    public sealed record LatencyPart(
        long Samples,
        double MeanNs,
        IReadOnlyList<PercentilePart> Percentiles,
        IReadOnlyList<BucketPart> Distribution,
        IReadOnlyList<HopPart> Hops,
        FaultPart? Slowest)
    {
        public static LatencyPart Of(LatencySummary latency) => new(
            latency.Samples,
            latency.MeanNanoseconds,
            [.. latency.Percentiles.Select(p => new PercentilePart(p.Percentile, p.Nanoseconds))],
            [.. latency.Buckets.Select(
                b => new BucketPart(b.FromMicroseconds, b.FromMicroseconds == 0 ? 1 : b.FromMicroseconds * 2, b.Faults))],
            [.. latency.Hops.Select(h => new HopPart(h.Hop, h.MeanNanoseconds, h.Samples))],
            latency.Slowest is { } slowest ? FaultPart.Of(slowest) : null);
    }

    public sealed record PercentilePart(double Percentile, long Ns);

    public sealed record BucketPart(long FromUs, long ToUs, long Faults);

    public sealed record HopPart(string Hop, double MeanNs, long Faults);

    public sealed record VcpuPart(int Vcpu, long Accesses, long Faults, long BlockedNs, long Repeats);

    /// <summary>Stations are nanoseconds after the fault was raised; null if it did not pass one.</summary>
    public sealed record FaultPart(
        int Vcpu, long Fault, string Address, long? ReadNs, long? RequestedNs, long? DataNs, long? InstalledNs, long? WokenNs,
        long ResumedNs)
    {
        public static FaultPart Of(FaultTrace fault)
        {
            return new FaultPart(
                fault.Vcpu, fault.Id, $"0x{fault.Address:x}", After(fault.Read), After(fault.Requested), After(fault.Data),
                After(fault.Installed),
                After(fault.Woken), fault.Nanoseconds);

            long? After(long station) => station == 0 ? null : station - fault.Raised;
        }
    }
}
