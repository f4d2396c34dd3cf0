using System.Text.Json;
using System.Text.Json.Serialization;
using UffdActors.Linux.Machine;

namespace UffdActors.Bench.Live;

/// <summary>The figures of a <see cref="LiveFaultBench"/>, as they are printed and as they are written for machines.</summary>
public sealed record LiveFaultReport
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>What the document is.</summary>
    public string Kind { get; } = "uffd-bench-faults-live";

    /// <summary>Version of the fields and their units.</summary>
    public int Version { get; } = 1;

    /// <summary>Where it ran.</summary>
    public required BenchMachine Machine { get; init; }

    /// <summary>Release of the kernel, as <c>uname -r</c> prints it.</summary>
    public required string Kernel { get; init; }

    /// <summary>anon or shmem.</summary>
    public required string Backend { get; init; }

    /// <summary>missing or minor.</summary>
    public required string Mode { get; init; }

    /// <summary>same or split.</summary>
    public required string Placement { get; init; }

    /// <summary>CPU that the loops were bound to.</summary>
    public required int LoopCpu { get; init; }

    /// <summary>CPU that the vCPUs were bound to.</summary>
    public required int VcpuCpu { get; init; }

    /// <summary>Pages of the guest.</summary>
    public required int Pages { get; init; }

    /// <summary>Repeats behind each figure.</summary>
    public required int Repeats { get; init; }

    /// <summary>The figures; the curve over the numbers of vCPUs is their rates.</summary>
    public required IReadOnlyList<LiveFaultRow> Rows { get; init; }

    /// <summary>The report as a JSON document.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);

    internal static LiveFaultReport Of(LiveBenchOptions options, LiveCpus cpus, IReadOnlyList<LiveCell> cells) => new()
    {
        Machine = BenchMachine.Current(),
        Kernel = MachineProbe.KernelRelease(),
        Backend = options.Backend == LiveBackend.Anon ? "anon" : "shmem",
        Mode = options.Mode == BenchMode.Missing ? "missing" : "minor",
        Placement = options.Placement == LivePlacement.Same ? "same" : "split",
        LoopCpu = cpus.Loop,
        VcpuCpu = cpus.Vcpus,
        Pages = options.Pages,
        Repeats = options.Repeats,
        Rows = [.. cells.Select(LiveFaultRow.Of)],
    };
}

/// <summary>One number of vCPUs.</summary>
public sealed record LiveFaultRow
{
    /// <summary>vCPUs.</summary>
    public required int Vcpus { get; init; }

    /// <summary>The loop in C#, without actors.</summary>
    public required LiveFigures Direct { get; init; }

    /// <summary>The ring.</summary>
    public required LiveFigures Ring { get; init; }

    /// <summary>The loop in C; null if there was none.</summary>
    public required LiveFigures? Native { get; init; }

    /// <summary>Rate of the ring over that of the direct loop, repeat by repeat.</summary>
    public required Spread RingOverDirect { get; init; }

    /// <summary>99th percentile of the ring over that of the direct loop, repeat by repeat.</summary>
    public required Spread RingP99OverDirect { get; init; }

    /// <summary>Rate of the ring over that of the loop in C, repeat by repeat; null if there was none.</summary>
    public required Spread? RingOverNative { get; init; }

    internal static LiveFaultRow Of(LiveCell cell) => new()
    {
        Vcpus = cell.Vcpus,
        Direct = LiveFigures.Of(cell.Repeats.Select(r => r.Direct), cell.Vcpus),
        Ring = LiveFigures.Of(cell.Repeats.Select(r => r.Ring), cell.Vcpus),
        Native = cell.Repeats[0].Native is null ? null : LiveFigures.Of(cell.Repeats.Select(r => r.Native!), cell.Vcpus),
        RingOverDirect = Spread.Of(cell.Repeats.Select(r => r.Ring.FaultsPerSecond / r.Direct.FaultsPerSecond)),
        RingP99OverDirect = Spread.Of(cell.Repeats.Select(r => r.Ring.P99Nanoseconds / r.Direct.P99Nanoseconds)),
        RingOverNative = cell.Repeats[0].Native is null ? null : Spread.Of(cell.Repeats.Select(r => r.Ring.FaultsPerSecond / r.Native!.FaultsPerSecond)),
    };
}

/// <summary>The figures of one loop.</summary>
/// <param name="FaultsPerSecond">Faults, and so pages, a second, of all vCPUs.</param>
/// <param name="PagesPerSecondPerVcpu">Pages a second of one vCPU.</param>
/// <param name="P50Nanoseconds">Median of the accesses, as the vCPUs saw them.</param>
/// <param name="P99Nanoseconds">99th percentile.</param>
/// <param name="CpuNanosecondsPerFault">CPU time of all threads of the process, vCPUs included.</param>
/// <param name="AllocatedBytesPerFault">Managed bytes that the whole process allocated; null for the loop in C.</param>
public sealed record LiveFigures(
    Spread FaultsPerSecond, Spread PagesPerSecondPerVcpu, Spread P50Nanoseconds, Spread P99Nanoseconds, Spread CpuNanosecondsPerFault, Spread? AllocatedBytesPerFault)
{
    internal static LiveFigures Of(IEnumerable<LiveSample> samples, int vcpus)
    {
        LiveSample[] all = [.. samples];
        return new LiveFigures(
            Spread.Of(all.Select(s => s.FaultsPerSecond)),
            Spread.Of(all.Select(s => s.FaultsPerSecond / vcpus)),
            Spread.Of(all.Select(s => s.P50Nanoseconds)),
            Spread.Of(all.Select(s => s.P99Nanoseconds)),
            Spread.Of(all.Select(s => s.CpuNanosecondsPerFault)),
            all[0].AllocatedBytesPerFault is null ? null : Spread.Of(all.Select(s => s.AllocatedBytesPerFault!.Value)));
    }
}
