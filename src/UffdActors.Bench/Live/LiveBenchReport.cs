using UffdActors.Linux.Machine;

namespace UffdActors.Bench.Live;

/// <summary>Figures of real page faults, as they are printed and as they are written for machines.</summary>
internal abstract record LiveBenchReport
{
    private protected LiveBenchReport(LiveBenchOptions options, LiveCpus cpus)
    {
        Backend = options.Backend == LiveBackend.Anon ? "anon" : "shmem";
        Mode = options.Mode == BenchMode.Missing ? "missing" : "minor";
        Placement = options.Placement == LivePlacement.Same ? "same" : "split";
        LoopCpu = cpus.Loop;
        VcpuCpu = cpus.Vcpus;
        Pages = options.Pages;
        Repeats = options.Repeats;
    }

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
}
