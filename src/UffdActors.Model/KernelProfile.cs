namespace UffdActors.Model;

/// <summary>
/// Which kernel the model is, and the knobs in which real machines differ. Outside of what is listed here all profiles are equal.
/// </summary>
public sealed record KernelProfile
{
    /// <summary>Linux 6.18 as recorded: no memory-failure handling, no swap, fault-around 64 KiB.</summary>
    public static KernelProfile Linux618 { get; } = new() { Name = "linux-6.18", Shape = OpsShape.BuiltIn };

    /// <summary>Linux 6.18 with the operations table of June 2025.</summary>
    public static KernelProfile Seed { get; } = new() { Name = "seed", Shape = OpsShape.Seed };

    /// <summary>Linux 7.1, with the merged table.</summary>
    public static KernelProfile Linux71 { get; } = new() { Name = "linux-7.1", Shape = OpsShape.Merged };

    /// <summary>All profiles, by name.</summary>
    public static IReadOnlyList<KernelProfile> All { get; } = [Linux618, Seed, Linux71];

    /// <summary>Name, as options and reports use it.</summary>
    public required string Name { get; init; }

    /// <summary>How memory plugs in.</summary>
    internal OpsShape Shape { get; init; }

    /// <summary>Features that UFFDIO_API offers.</summary>
    public UffdFeatures Features { get; init; } = UffdFeatures.All;

    /// <summary>Window of fault-around in bytes, a power of two; 0 turns it off.</summary>
    public long FaultAroundBytes { get; init; } = 64 * 1024;

    /// <summary>
    /// An ordinary read of absent anonymous memory maps the zero page. Kernels that forbid that (s390 with storage keys, some made for
    /// virtual machines) give it a page of its own, as a write gets; UFFDIO_ZEROPAGE maps the zero page there too.
    /// </summary>
    public bool ReadsMapZeroPage { get; init; } = true;

    /// <summary>CONFIG_MEMORY_FAILURE: a poisoned page gives si_code 4 instead of 2.</summary>
    public bool MemoryFailure { get; init; }

    /// <summary>
    /// There is a swap device, so MADV_PAGEOUT takes pages out of the page tables. Nothing else does: the model has no memory pressure.
    /// </summary>
    public bool Swap { get; init; }

    /// <summary>Huge pages of 2 MiB in the pool (<c>vm.nr_hugepages</c>), of a machine that is made without another number.</summary>
    public long HugePages { get; init; }

    /// <summary>The calling process has CAP_SYS_PTRACE: it may open a userfaultfd for kernel faults too, and ask for EVENT_FORK.</summary>
    public bool Privileged { get; init; } = true;

    /// <summary>
    /// The sysctl <c>vm.unprivileged_userfaultfd</c>: without privilege, too, a userfaultfd may be opened for kernel faults.
    /// </summary>
    public bool UnprivilegedUserfaultfd { get; init; }

    /// <summary>
    /// True: the re-check after queueing a fault looks at the whole decision again, so that no wake-up is ever lost. False: the
    /// kernel's own narrower re-check, which loses one in some ten thousand races (SEMANTICS 9.2.3).
    /// </summary>
    public bool StrictWakes { get; init; } = true;

    /// <summary>The profile of a name, or null.</summary>
    public static KernelProfile? Find(string name) => All.FirstOrDefault(p => p.Name == name);
}
