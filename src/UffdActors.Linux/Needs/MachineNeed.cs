namespace UffdActors.Linux.Needs;

/// <summary>Things that this program can need of a machine.</summary>
public enum MachineNeed
{
    /// <summary>Opening a userfaultfd at all.</summary>
    Userfaultfd,

    /// <summary>Faults raised by system calls and KVM delivered too.</summary>
    KernelFaults,

    /// <summary>Huge pages in the pool.</summary>
    HugePages,

    /// <summary>A virtual machine of the kernel.</summary>
    Kvm,

    /// <summary>guest_memfd that can be mapped.</summary>
    GuestMemfd,

    /// <summary>guest_memfd that takes MISSING and MINOR.</summary>
    GuestMemfdFaults,

    /// <summary>PAGEMAP_SCAN.</summary>
    PagemapScan,

    /// <summary>Real-time priorities.</summary>
    RealTimePriority,

    /// <summary>Names of the functions in which threads sleep.</summary>
    WaitChannels,

    /// <summary>More than one CPU.</summary>
    SecondCpu,

    /// <summary>Swap space.</summary>
    Swap,

    /// <summary>The kernel's handling of memory that has failed.</summary>
    MemoryFailure,
}
