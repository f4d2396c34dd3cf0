namespace UffdActors.Linux.Machine;

/// <summary>
/// What this machine offers, asked of the machine itself: nothing is concluded from a version. Making the report changes nothing: the pool
/// of huge pages, sysctls and files stay as they are.
/// </summary>
public sealed record MachineReport
{
    /// <summary>Kernel.</summary>
    public required KernelFacts Kernel { get; init; }

    /// <summary>How a userfaultfd can be opened.</summary>
    public required AccessFacts Access { get; init; }

    /// <summary>Features that UFFDIO_API offers; empty if no userfaultfd can be opened.</summary>
    public required IReadOnlyList<string> Features { get; init; }

    /// <summary>What REGISTER answers for each kind of memory and mode.</summary>
    public required IReadOnlyList<RegisterFact> Registers { get; init; }

    /// <summary>Memory.</summary>
    public required MemoryFacts Memory { get; init; }

    /// <summary>KVM.</summary>
    public required KvmFacts Kvm { get; init; }

    /// <summary>CPUs and scheduling.</summary>
    public required CpuFacts Cpus { get; init; }

    /// <summary>What is needed for something, whether it is there, and if not, what to do.</summary>
    public required IReadOnlyList<MachineFinding> Findings { get; init; }

    /// <summary>Asks this machine.</summary>
    public static MachineReport Read() => MachineProbe.Run();
}

/// <summary>The kernel.</summary>
/// <param name="Release">As <c>uname -r</c> prints it.</param>
/// <param name="Architecture">Processor architecture.</param>
/// <param name="Config">Options of the configuration that matter here, if <c>/proc/config.gz</c> shows them.</param>
public sealed record KernelFacts(string Release, string Architecture, IReadOnlyDictionary<string, string> Config);

/// <summary>Ways to a userfaultfd; each is "ok", or an errno.</summary>
/// <param name="EffectiveUser">User of this process.</param>
/// <param name="CapSysPtrace">CAP_SYS_PTRACE is effective.</param>
/// <param name="UnprivilegedSysctl">vm.unprivileged_userfaultfd; null if there is none.</param>
/// <param name="Syscall">The system call.</param>
/// <param name="Device"><c>/dev/userfaultfd</c>.</param>
/// <param name="UserModeOnly">The system call with USER_MODE_ONLY.</param>
public sealed record AccessFacts(
    uint EffectiveUser, bool CapSysPtrace, int? UnprivilegedSysctl, string Syscall, string Device, string UserModeOnly)
{
    /// <summary>UFFDIO_API, on what could be opened: "ok", or an errno.</summary>
    public string Handshake { get; init; } = "ok";

    /// <summary>What may keep this process from calls that the kernel has.</summary>
    public Confinement Confinement { get; init; } = Confinement.None;
}

/// <summary>An answer of UFFDIO_REGISTER.</summary>
/// <param name="Memory">Kind of memory.</param>
/// <param name="Context">"sync", or "async" for a context with WP_ASYNC.</param>
/// <param name="Modes">Modes asked for: letters of M, W, I.</param>
/// <param name="Answer">"ok", or an errno, or why it could not be asked.</param>
/// <param name="Ioctls">Ioctls reported.</param>
public sealed record RegisterFact(string Memory, string Context, string Modes, string Answer, IReadOnlyList<string> Ioctls);

/// <summary>Memory.</summary>
/// <param name="TotalMib">Memory of the machine in MiB.</param>
/// <param name="AvailableMib">Memory available in MiB.</param>
/// <param name="SwapMib">Swap in MiB; 0 for none.</param>
/// <param name="HugePageBytes">Size of a huge page.</param>
/// <param name="HugePagesTotal">Huge pages in the pool.</param>
/// <param name="HugePagesFree">Huge pages that nobody uses.</param>
/// <param name="HugePagesReserved">Huge pages that are free and promised.</param>
/// <param name="TransparentHugePages">Setting for anonymous memory.</param>
/// <param name="TransparentHugePagesShmem">Setting for shared memory.</param>
/// <param name="MemoryFailure">True if the kernel handles broken memory: a poisoned page then gives si_code 4 instead of 2.</param>
/// <param name="FaultAroundBytes">Window of fault-around, measured; -1 if it could not be.</param>
/// <param name="PagemapScanAnswer">PAGEMAP_SCAN: "ok", or an errno.</param>
public sealed record MemoryFacts(
    long TotalMib,
    long AvailableMib,
    long SwapMib,
    long HugePageBytes,
    long HugePagesTotal,
    long HugePagesFree,
    long HugePagesReserved,
    string TransparentHugePages,
    string TransparentHugePagesShmem,
    bool MemoryFailure,
    long FaultAroundBytes,
    string PagemapScanAnswer)
{
    /// <summary>PAGEMAP_SCAN works.</summary>
    public bool PagemapScan => PagemapScanAnswer == "ok";
}

/// <summary>KVM.</summary>
/// <param name="Device"><c>/dev/kvm</c>: "ok", or an errno.</param>
/// <param name="ApiVersion">KVM_GET_API_VERSION; 0 if it could not be asked.</param>
/// <param name="GuestMemfd">KVM_CAP_GUEST_MEMFD.</param>
/// <param name="GuestMemfdFlags">Flags of KVM_CREATE_GUEST_MEMFD: 1 MMAP, 2 INIT_SHARED.</param>
public sealed record KvmFacts(string Device, int ApiVersion, bool GuestMemfd, int GuestMemfdFlags)
{
    private const int MapFlags = 3;

    /// <summary>True if a guest_memfd can be mapped and has pages that are shared from the start: both flags are needed.</summary>
    internal bool CanMapGuestMemfd => (GuestMemfdFlags & MapFlags) == MapFlags;
}

/// <summary>CPUs and scheduling.</summary>
/// <param name="Online">CPUs that are online.</param>
/// <param name="Allowed">CPUs that this process may use.</param>
/// <param name="RealTimePriority">"ok", or the errno that a real-time priority gives.</param>
/// <param name="WaitChannels">True if <c>/proc</c> names the function in which a thread sleeps.</param>
public sealed record CpuFacts(string Online, IReadOnlyList<int> Allowed, string RealTimePriority, bool WaitChannels);
