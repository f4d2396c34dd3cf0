using Akka.Configuration;

namespace UffdActors.Bench;

/// <summary>What <see cref="FaultBench"/> measures.</summary>
internal sealed record FaultBenchOptions
{
    /// <summary>Dispatchers that can be measured.</summary>
    public static IReadOnlyList<string> KnownDispatchers { get; } = ["fault-loop", "parallel", "stepped"];

    /// <summary>Numbers of vCPUs, one row each.</summary>
    public IReadOnlyList<int> Vcpus { get; init; } = [1, 4, 16];

    /// <summary>Dispatchers, one row each.</summary>
    public IReadOnlyList<string> Dispatchers { get; init; } = ["fault-loop"];

    /// <summary>Content of pages.</summary>
    public BenchContent Content { get; init; }

    /// <summary>How faults are resolved.</summary>
    public BenchMode Mode { get; init; }

    /// <summary>VMs that run side by side in this process; above 1, beside one VM alone.</summary>
    public int Vms { get; init; } = 1;

    /// <summary>Processes with one VM each that run side by side; above 1, beside one VM alone.</summary>
    public int Processes { get; init; } = 1;

    /// <summary>CPU of each VM's (or process's) fault loop, assigned in turn; empty for any.</summary>
    public IReadOnlyList<int> Cpus { get; init; } = [];

    /// <summary>Base pages of each VM; every one of them faults once. 1 GiB of phantom pages, or 256 MiB of real bytes.</summary>
    public long Pages
    {
        get => field > 0 ? field : Content == BenchContent.Phantom ? 262_144 : 65_536;
        init;
    }

    /// <summary>Repeats that count; one more before them is dropped.</summary>
    public int Repeats { get; init; } = 5;

    /// <summary>Settings over the runtime's own.</summary>
    public Config? Config { get; init; }

    /// <summary>The CPU of the n-th VM or process; null for any.</summary>
    internal int? CpuOf(int number) => Cpus.Count == 0 ? null : Cpus[number % Cpus.Count];

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="BenchException">An option is out of its range; the message names it.</exception>
    internal void Validate()
    {
        if (Vcpus.Count == 0) throw new BenchException("No number of vCPUs was given; name at least one.");
        foreach (int vcpus in Vcpus)
        {
            if (vcpus < 1 || vcpus > GuestLayout.MaxVcpus)
                throw new BenchException($"{vcpus} vCPUs: a guest has 1 to {GuestLayout.MaxVcpus}.");
            if (Pages < vcpus) throw new BenchException($"{Pages} pages: every one of {vcpus} vCPUs needs a page of its own.");
        }

        if (Dispatchers.Count == 0) throw new BenchException("No dispatcher was given; name at least one.");
        foreach (string dispatcher in Dispatchers)
        {
            if (!KnownDispatchers.Contains(dispatcher))
                throw new BenchException($"There is no dispatcher \"{dispatcher}\"; use {string.Join(", ", KnownDispatchers)}.");
        }

        if (Vms < 1) throw new BenchException($"{Vms} VMs: at least 1 is needed.");
        if (Processes < 1) throw new BenchException($"{Processes} processes: at least 1 is needed.");
        if (Repeats < 1) throw new BenchException($"{Repeats} repeats: at least 1 is needed.");
        if (Dispatchers.Contains("stepped") && (Vms > 1 || Processes > 1))
            throw new BenchException("The stepped dispatcher runs everything on one thread; measure it with one VM.");
        if (Cpus.Count > 0 && Dispatchers.Any(d => d != "fault-loop"))
            throw new BenchException("Only fault loops can be bound to a CPU; leave the CPU out, or measure fault-loop alone.");
    }
}
