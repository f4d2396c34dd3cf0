namespace UffdActors.Linux.Needs;

/// <summary>A need.</summary>
/// <param name="Need">What.</param>
/// <param name="For">For what.</param>
/// <param name="State">Whether it is there, denied, absent, or could not be asked.</param>
/// <param name="Cause">Why not; null if it is there, or if the remedy says it all.</param>
/// <param name="Remedy">What to do; null if it is there.</param>
internal sealed record MachineFinding(MachineNeed Need, string For, NeedState State, string? Cause, string? Remedy)
{
    private const string Ok = "ok";

    /// <summary>True if it is there for this process.</summary>
    public bool IsMet => State == NeedState.Met;

    /// <summary>
    /// Concludes from a machine's facts what it can be used for: every need, in the order of the report. One denial is never read as
    /// another lack.
    /// </summary>
    internal static IReadOnlyList<MachineFinding> All(
        bool canOpen, AccessFacts access, IReadOnlyList<RegisterFact> registers, MemoryFacts memory, KvmFacts kvm, CpuFacts cpus) =>
    [
        Of(MachineNeed.Userfaultfd, "everything in the live world", Usable(canOpen, access, registers)),
        Of(MachineNeed.KernelFaults, "faults of system calls and KVM", KernelFaults(canOpen, access)),
        Of(MachineNeed.HugePages, "the hugetlb backend", InMeminfo(
            MachineNeed.HugePages, memory.HugePagesFree > memory.HugePagesReserved, memory)),
        Of(MachineNeed.PagemapScan, "dirty tracking", PagemapScan(memory.PagemapScanAnswer, access.Confinement)),
        Of(MachineNeed.Kvm, "KVM vCPUs", KvmDevice(kvm, access.Confinement)),
        Of(MachineNeed.GuestMemfd, "guest_memfd", GuestMemfd(kvm)),
        Of(MachineNeed.GuestMemfdFaults, "post-copy into guest_memfd", GuestMemfdFaults(canOpen, access, registers, kvm)),
        Of(MachineNeed.RealTimePriority, "conform --live and record", RealTimePriority(cpus.RealTimePriority, access.Confinement)),
        Of(MachineNeed.WaitChannels, "conform --live and record", WaitChannels(cpus)),
        Of(MachineNeed.Swap, "pages that are swapped out", InMeminfo(MachineNeed.Swap, memory.SwapMib > 0, memory)),
        Of(MachineNeed.MemoryFailure, "machine checks of poisoned pages", memory.MemoryFailure),
        Of(MachineNeed.SecondCpu, "vCPUs and handlers on CPUs of their own", cpus.Allowed.Count > 1),
    ];

    // One that registers nothing is of no use.
    private static NeedAnswer Usable(bool canOpen, AccessFacts access, IReadOnlyList<RegisterFact> registers)
    {
        NeedAnswer opened = Userfaultfd(canOpen, access);
        return opened.State == NeedState.Met ? RegisterDenied(MachineNeed.Userfaultfd, access, registers) ?? opened : opened;
    }

    // The kernel itself gives neither of the two for memory that can be written to.
    private static NeedAnswer? RegisterDenied(MachineNeed need, AccessFacts access, IEnumerable<RegisterFact> registers) =>
        registers.FirstOrDefault(r => r.Answer is nameof(Errno.EPERM) or nameof(Errno.EACCES) or nameof(Errno.ENOSYS)) is { } denied
            ? Denial.Of(need, "ioctl(2) with UFFDIO_REGISTER", Error(denied.Answer), null, access.Confinement)
            : null;

    /// <summary>Whether a userfaultfd can be opened at all.</summary>
    internal static NeedAnswer Userfaultfd(bool canOpen, AccessFacts access)
    {
        const string Call = "userfaultfd(2)";
        if (canOpen) return NeedAnswer.Met;
        if (access.Syscall == Ok || access.Device == Ok || access.UserModeOnly == Ok)
            return Denial.Of(MachineNeed.Userfaultfd, "ioctl(2) with UFFDIO_API", Error(access.Handshake), null, access.Confinement);
        // The kernel itself allows every user a userfaultfd for faults of user mode alone.
        Errno userModeOnly = Error(access.UserModeOnly);
        if (userModeOnly is Errno.EPERM or Errno.EACCES) return Denial.Confined(Call, userModeOnly, access.Confinement);
        Errno error = Error(access.Syscall);
        if (error == Errno.ENOSYS && access.UnprivilegedSysctl is not null) return Denial.Confined(Call, error, access.Confinement);
        return Denial.Of(MachineNeed.Userfaultfd, Call, error, Capability.SysPtrace, access.Confinement);
    }

    /// <summary>Whether faults of the kernel itself are delivered.</summary>
    internal static NeedAnswer KernelFaults(bool canOpen, AccessFacts access)
    {
        if (canOpen && (access.Syscall == Ok || access.Device == Ok)) return NeedAnswer.Met;
        NeedAnswer any = Userfaultfd(canOpen, access);
        if (any.State == NeedState.Met)
            return Denial.Of(MachineNeed.KernelFaults, "userfaultfd(2)", Error(access.Syscall), Capability.SysPtrace, access.Confinement);
        return any.Remedy == Remedies.Of(MachineNeed.Userfaultfd) ? any with { Remedy = Remedies.Of(MachineNeed.KernelFaults) } : any;
    }

    /// <summary>Whether PAGEMAP_SCAN works.</summary>
    internal static NeedAnswer PagemapScan(string answer, Confinement who) => answer == Ok
        ? NeedAnswer.Met
        : Error(answer) == Errno.ENOENT ? NotAsked("there is no /proc/self/pagemap here (is /proc mounted?)")
        : Denial.Of(MachineNeed.PagemapScan, "PAGEMAP_SCAN of /proc/self/pagemap", Error(answer), null, who);

    /// <summary>Whether there is a KVM to work with, and it answers.</summary>
    internal static NeedAnswer KvmDevice(KvmFacts kvm, Confinement who)
    {
        if (kvm.Device == Ok && kvm.Answer != Ok)
            return Denial.Of(MachineNeed.Kvm, "ioctl(2) on /dev/kvm", Error(kvm.Answer), null, who);
        if (Error(kvm.Device) == Errno.ENOENT && kvm.InKernel)
        {
            return new NeedAnswer(
                NeedState.Denied, "This kernel has KVM (/proc/misc), and there is no /dev/kvm here, as in a container.",
                "Hand the device in (Docker: --device /dev/kvm; systemd: DeviceAllow=).");
        }

        return KvmDevice(kvm.Device, who);
    }

    /// <summary>Whether there is a KVM to work with.</summary>
    internal static NeedAnswer KvmDevice(string answer, Confinement who) => (answer, Error(answer)) switch
    {
        (Ok, _) => NeedAnswer.Met,
        // The file's own permissions refuse a user other than root.
        (_, Errno.EACCES) when who.User != 0 => new NeedAnswer(NeedState.Denied, null, Remedies.Of(MachineNeed.Kvm)),
        (_, Errno.EPERM or Errno.EACCES) when !who.IsFiltered && who.SecurityProfile is null => new NeedAnswer(
            NeedState.Denied,
            $"Opening /dev/kvm gives {answer}, which its permissions do not explain: the control group of this process does not list the "
                + $"device, as in a container.",
            "Hand the device in (Docker: --device /dev/kvm; systemd: DeviceAllow=)."),
        (_, var error) => Denial.Of(MachineNeed.Kvm, "opening /dev/kvm", error, null, who),
    };

    /// <summary>Whether real-time priorities are to be had.</summary>
    internal static NeedAnswer RealTimePriority(string answer, Confinement who) => answer == Ok
        ? NeedAnswer.Met
        : Denial.Of(MachineNeed.RealTimePriority, "sched_setscheduler(2)", Error(answer), Capability.SysNice, who);

    private static NeedAnswer GuestMemfd(KvmFacts kvm)
    {
        if (kvm.CanMapGuestMemfd) return NeedAnswer.Met;
        if (kvm is { Device: Ok, Answer: Ok }) return NeedAnswer.Absent(MachineNeed.GuestMemfd);
        return NotAsked($"KVM could not be asked (/dev/kvm gives {(kvm.Device == Ok ? kvm.Answer : kvm.Device)})");
    }

    // A kernel that says nothing of its memory says nothing of these.
    private static NeedAnswer InMeminfo(MachineNeed need, bool isMet, MemoryFacts memory) =>
        isMet ? NeedAnswer.Met
            : memory.TotalMib > 0 ? NeedAnswer.Absent(need)
            : NotAsked("/proc/meminfo cannot be read, or is empty");

    private static NeedAnswer WaitChannels(CpuFacts cpus) =>
        cpus.WaitChannels ? NeedAnswer.Met
            : cpus.WaitChannelsAsked == Ok ? NeedAnswer.Absent(MachineNeed.WaitChannels)
            : NotAsked(cpus.WaitChannelsAsked.TrimEnd('.'));

    private static NeedAnswer GuestMemfdFaults(bool canOpen, AccessFacts access, IReadOnlyList<RegisterFact> registers, KvmFacts kvm)
    {
        RegisterFact[] answers = [.. registers.Where(r => r.Memory == RegisterFact.GuestMemfd && r.Modes.Length > 0)];
        if (answers.Any(r => r is { Answer: Ok, Modes: "I" or "M" })) return NeedAnswer.Met;
        if (RegisterDenied(MachineNeed.GuestMemfdFaults, access, answers) is { } denied) return denied;
        if (answers.Length > 0 || GuestMemfd(kvm).State == NeedState.Absent) return NeedAnswer.Absent(MachineNeed.GuestMemfdFaults);
        return NotAsked(canOpen ? "no guest_memfd could be made to ask about" : "no userfaultfd could be opened to ask with");
    }

    private static NeedAnswer NotAsked(string why) =>
        NeedAnswer.Unknown($"It could not be asked: {why}.", "See to that first, and ask again.");

    private static Errno Error(string answer) => Enum.TryParse(answer, out Errno error) ? error : Errno.None;

    private static MachineFinding Of(MachineNeed need, string use, bool isMet) =>
        Of(need, use, isMet ? NeedAnswer.Met : NeedAnswer.Absent(need));

    private static MachineFinding Of(MachineNeed need, string use, NeedAnswer answer) =>
        new(need, use, answer.State, answer.Cause, answer.Remedy);
}
