namespace UffdActors.Linux.Needs;

/// <summary>
/// What to do about a need that is not met, as long as nothing unusual is in the way (<see cref="MachineFinding.Cause"/>). <c>uffd
/// doctor</c> and every refusal say the same words.
/// </summary>
internal static class Remedies
{
    /// <summary>One sentence for the machine's administrator.</summary>
    public static string Of(MachineNeed need) => need switch
    {
        MachineNeed.Userfaultfd =>
            "Run as root, or give read and write permission on /dev/userfaultfd, or set sysctl vm.unprivileged_userfaultfd=1; the kernel "
                + "needs CONFIG_USERFAULTFD=y.",
        MachineNeed.KernelFaults =>
            "Run with CAP_SYS_PTRACE (root), or give read and write permission on /dev/userfaultfd, or set sysctl "
                + "vm.unprivileged_userfaultfd=1.",
        MachineNeed.HugePages =>
            "Reserve huge pages as root: echo N > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages (N pages of 2 MiB), and set it "
                + "back afterwards.",
        MachineNeed.Kvm =>
            "Give read and write permission on /dev/kvm; the machine needs virtualization (nested, if it is itself a guest) and the "
                + "kvm module.",
        MachineNeed.GuestMemfd =>
            "Use Linux 6.18 or later with CONFIG_KVM_GUEST_MEMFD=y and access to /dev/kvm.",
        MachineNeed.GuestMemfdFaults =>
            "Use Linux 7.1 or later; before it guest_memfd takes only asynchronous write protection. Shared memory (shmem) takes every "
                + "mode today.",
        MachineNeed.PagemapScan =>
            "Use Linux 6.7 or later with CONFIG_PROC_PAGE_MONITOR=y.",
        MachineNeed.RealTimePriority =>
            "Run with CAP_SYS_NICE (root), and with sysctl kernel.sched_rt_runtime_us not 0.",
        MachineNeed.WaitChannels =>
            "Run as root on a kernel with CONFIG_KALLSYMS=y and CONFIG_STACKTRACE=y, so that /proc/PID/task/TID/wchan names functions; in "
                + "a PID namespace with a /proc of its own (unshare --mount-proc).",
        MachineNeed.SecondCpu =>
            "Give the machine, or this process (taskset), a second CPU.",
        MachineNeed.Swap =>
            "Add swap space as root: fallocate -l 1G FILE, mkswap FILE, swapon FILE; without it MADV_PAGEOUT of private memory does "
                + "nothing.",
        MachineNeed.MemoryFailure =>
            "Boot a kernel with CONFIG_MEMORY_FAILURE=y; without it a poisoned page is an ordinary bus error, which a VMM cannot tell "
                + "from others.",
        _ => throw new ArgumentOutOfRangeException(nameof(need), need, "There is no such need."),
    };
}
