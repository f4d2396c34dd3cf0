using System.Text.Json;
using System.Text.Json.Serialization;
using UffdActors.Linux.Machine;

namespace UffdActors.Bench.Live;

/// <summary>Figures of real page faults, as they are printed and as they are written for machines.</summary>
internal abstract record LiveReport
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    private protected LiveReport(LiveBenchOptions options, LiveCpus cpus)
    {
        Backend = options.Backend == LiveBackend.Anon ? "anon" : "shmem";
        Mode = options.Mode == BenchMode.Missing ? "missing" : "minor";
        Placement = options.Placement == LivePlacement.Same ? "same" : "split";
        LoopCpu = cpus.Loop;
        VcpuCpu = cpus.Vcpus;
        Pages = options.Pages;
        Repeats = options.Repeats;
    }

    /// <summary>What the document is.</summary>
    public abstract string Kind { get; }

    /// <summary>Version of the fields and their units.</summary>
    public int Version { get; } = 1;

    /// <summary>Where it ran.</summary>
    public BenchMachine Machine { get; } = BenchMachine.Current();

    /// <summary>Release of the kernel, as <c>uname -r</c> prints it.</summary>
    public string Kernel { get; } = MachineProbe.KernelRelease();

    /// <summary>anon or shmem.</summary>
    public string Backend { get; }

    /// <summary>missing or minor.</summary>
    public string Mode { get; }

    /// <summary>same or split.</summary>
    public string Placement { get; }

    /// <summary>CPU that the loops were bound to.</summary>
    public int LoopCpu { get; }

    /// <summary>CPU that the vCPUs were bound to.</summary>
    public int VcpuCpu { get; }

    /// <summary>Pages of the guest.</summary>
    public int Pages { get; }

    /// <summary>Repeats behind each figure.</summary>
    public int Repeats { get; }

    /// <summary>The report as a JSON document.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, GetType(), Json);
}
