using UffdActors.Kvm;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Needs;

namespace UffdActors.Bench.Live;

/// <summary>What <see cref="LiveFaultBench"/> measures.</summary>
internal sealed record LiveBenchOptions
{
    /// <summary>Numbers of vCPUs, one row each.</summary>
    public IReadOnlyList<int> Vcpus { get; init; } = [1, 2, 4, 8, 16];

    /// <summary>Memory of the guest.</summary>
    public LiveBackend Backend { get; init; }

    /// <summary>How faults are resolved: COPY, or CONTINUE with a page cache that is full (shmem only).</summary>
    public BenchMode Mode { get; init; }

    /// <summary>What the vCPUs are: threads, or KVM vCPUs beside threads.</summary>
    public LiveVcpus Kind { get; init; }

    /// <summary>Where threads run.</summary>
    public LivePlacement Placement { get; init; }

    /// <summary>VMs side by side, each with its fault loop and its vCPUs on a CPU of its own, beside one alone; 1 for none.</summary>
    public int Vms { get; init; } = 1;

    /// <summary>Pages of each guest; without push every one of them faults once.</summary>
    public int Pages { get; init; } = 32_768;

    /// <summary>Pages of a chunk of the push, for <see cref="LivePushBench"/>.</summary>
    public int ChunkPages { get; init; } = 64;

    /// <summary>
    /// Microseconds that a vCPU sleeps before each access, for <see cref="LivePushBench"/>: long enough that demand takes little of the
    /// loop's time.
    /// </summary>
    public int PauseMicroseconds { get; init; } = 200;

    /// <summary>Accesses of each vCPU without a push, for <see cref="LivePushBench"/>.</summary>
    public int Demands { get; init; } = 1000;

    /// <summary>Repeats that count; one more before them is dropped.</summary>
    public int Repeats { get; init; } = 5;

    /// <summary>
    /// A compiled loop in C to run in between; null for none. See <see cref="NativeLoop"/>, or <see cref="KvmNativeLoop"/> with KVM vCPUs,
    /// for what it must understand.
    /// </summary>
    public string? Native { get; init; }

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

        if (Kind == LiveVcpus.Kvm) ValidateKvm();
        if (ChunkPages < 1) throw new BenchException($"A chunk of {ChunkPages} pages: at least 1 is needed.");
        if (Vms < 1) throw new BenchException($"{Vms} VMs: at least 1 is needed.");
        if (Vms > 1 && Placement == LivePlacement.Split)
            throw new BenchException($"{Vms} VMs run on a CPU each, so placement split has no meaning for them; leave it out.");
        if (Repeats < 1) throw new BenchException($"{Repeats} repeats: at least 1 is needed.");
        if (Backend == LiveBackend.Anon && Mode == BenchMode.Minor)
            throw new BenchException("Anonymous memory has no page cache, so no MINOR faults (mode minor); measure them on shmem.");
        if (Native is { } path && !File.Exists(path)) throw new BenchException($"There is no file \"{path}\" to run as the native loop.");
    }

    private void ValidateKvm()
    {
        foreach (int vcpus in Vcpus)
        {
            if (vcpus > KvmMachineOptions.MaxVcpus)
                throw new BenchException($"{vcpus} vCPUs: a KVM guest has 1 to {KvmMachineOptions.MaxVcpus}.");
            if (Pages % vcpus != 0)
                throw new BenchException($"{Pages} pages: {vcpus} KVM vCPUs have as many each; use a multiple of {vcpus}.");
        }

        if (Pages > KvmGuestMemory.MostPages)
            throw new BenchException($"{Pages} pages: a KVM guest has {KvmGuestMemory.MostPages} at the most here.");
        if (Vms > 1) throw new BenchException($"{Vms} VMs are measured with threads only; leave them out, or the KVM vCPUs.");
    }

    /// <summary>
    /// The first CPU that the calling thread may use, and for <see cref="LivePlacement.Split"/> the second. To be called once, before any
    /// thread is bound: a thread inherits the CPUs of its creator.
    /// </summary>
    /// <exception cref="UnsupportedMachineException">There is no second CPU.</exception>
    internal LiveCpus ChooseCpus()
    {
        int[] allowed = ThreadPlacement.AllowedCpus();
        if (Placement == LivePlacement.Same) return new LiveCpus(allowed[0], allowed[0]);
        return allowed.Length > 1
            ? new LiveCpus(allowed[0], allowed[1])
            : throw new UnsupportedMachineException(
                MachineNeed.SecondCpu, "A placement that is split needs two CPUs; this process may use one.");
    }

    /// <summary>A CPU for each of the VMs, in the order in which the calling thread may use them.</summary>
    /// <exception cref="UnsupportedMachineException">There are fewer CPUs than VMs.</exception>
    internal LiveCpus[] ChooseCpuOfEachVm()
    {
        int[] allowed = ThreadPlacement.AllowedCpus();
        return allowed.Length >= Vms
            ? [.. allowed.Take(Vms).Select(cpu => new LiveCpus(cpu, cpu))]
            : throw new UnsupportedMachineException(
                MachineNeed.SecondCpu, $"{Vms} VMs with a CPU each need {Vms} CPUs, and {allowed.Length} may be used.");
    }
}
