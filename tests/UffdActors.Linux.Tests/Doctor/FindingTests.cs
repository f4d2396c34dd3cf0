using UffdActors.Linux.Machine;
using UffdActors.Linux.Needs;

namespace UffdActors.Linux.Tests.Doctor;

/// <summary>What <c>uffd doctor</c> concludes of a machine, from facts that are made up.</summary>
public sealed class FindingTests
{
    private const ulong Everything = (1UL << 41) - 1;
    private const ulong Unprivileged = 0;
    private static readonly AccessFacts Root = new(0, true, 0, "ok", "ok", "ok");
    private static readonly Confinement Nobody = new(65534, Unprivileged, 0, false, null, null);
    private static readonly RegisterFact[] Registers =
        [new("guest_memfd", "async", "W", "ok", []), new("guest_memfd", "sync", "I", "ok", ["CONTINUE"])];
    private static readonly MemoryFacts Memory = new(1024, 512, 64, 2 << 20, 8, 4, 3, "madvise", "never", true, 64 << 10, "ok");
    private static readonly KvmFacts Kvm = new("ok", 12, true, 3);
    private static readonly CpuFacts Cpus = new("0-1", [0, 1], "ok", true);

    public static TheoryData<string, MachineNeed[]> Lacks => new()
    {
        { "userfaultfd", [MachineNeed.Userfaultfd, MachineNeed.KernelFaults] },
        { "both ways to kernel faults", [MachineNeed.KernelFaults] },
        { "the system call alone", [] },
        { "huge pages that are not promised", [MachineNeed.HugePages] },
        { "PAGEMAP_SCAN", [MachineNeed.PagemapScan] },
        { "/dev/kvm", [MachineNeed.Kvm] },
        { "INIT_SHARED", [MachineNeed.GuestMemfd] },
        { "modes of guest_memfd", [MachineNeed.GuestMemfdFaults] },
        { "priorities", [MachineNeed.RealTimePriority] },
        { "wait channels", [MachineNeed.WaitChannels] },
        { "a CPU", [MachineNeed.SecondCpu] },
        { "swap", [MachineNeed.Swap] },
        { "memory failure", [MachineNeed.MemoryFailure] },
    };

    [Theory]
    [MemberData(nameof(Lacks))]
    public void What_is_missing_is_named_with_its_remedy_and_nothing_else_is(string lack, MachineNeed[] missing)
    {
        IReadOnlyList<MachineFinding> findings = MachineFinding.All(
            lack != "userfaultfd",
            lack switch
            {
                "both ways to kernel faults" => Root with { Syscall = "EPERM", Device = "EACCES", Confinement = Nobody },
                "the system call alone" => Root with { Syscall = "EPERM", Confinement = Nobody },
                "priorities" => Root with { Confinement = Nobody },
                _ => Root,
            },
            lack == "modes of guest_memfd" ? Registers[..1] : Registers,
            lack switch
            {
                "huge pages that are not promised" => Memory with { HugePagesReserved = Memory.HugePagesFree },
                "PAGEMAP_SCAN" => Memory with { PagemapScanAnswer = "ENOTTY" },
                "swap" => Memory with { SwapMib = 0 },
                "memory failure" => Memory with { MemoryFailure = false },
                _ => Memory,
            },
            lack switch
            {
                "/dev/kvm" => Kvm with { Device = "ENOENT" },
                "INIT_SHARED" => Kvm with { GuestMemfdFlags = 1 },
                _ => Kvm,
            },
            lack switch
            {
                "priorities" => Cpus with { RealTimePriority = "EPERM" },
                "wait channels" => Cpus with { WaitChannels = false },
                "a CPU" => Cpus with { Allowed = [1] },
                _ => Cpus,
            });

        Assert.Equal(missing, findings.Where(f => !f.IsMet).Select(f => f.Need));
        Assert.All(findings, f => Assert.Null(f.Cause));
        Assert.All(findings, f => Assert.Equal(f.IsMet ? null : Remedies.Of(f.Need), f.Remedy));
        // A refusal can only name what doctor knows of.
        Assert.Equal(Enum.GetValues<MachineNeed>().Order(), findings.Select(f => f.Need).Order());
    }

    /// <summary>Machines that deny, each by what it says: a need, its state, and words of its cause and of its remedy.</summary>
    public static TheoryData<string, MachineNeed, string, string, string> Denials => new()
    {
        // Root with everything, and a filter that gives EPERM: nothing else is missing on this machine.
        { "seccomp", MachineNeed.Userfaultfd, nameof(NeedState.Denied), "a seccomp filter does (Seccomp: 2", "--security-opt seccomp" },
        { "seccomp", MachineNeed.KernelFaults, nameof(NeedState.Denied), "a seccomp filter does (Seccomp: 2", "--security-opt seccomp" },
        { "seccomp", MachineNeed.PagemapScan, nameof(NeedState.Met), "", "" },
        { "seccomp", MachineNeed.GuestMemfd, nameof(NeedState.Met), "", "" },
        { "seccomp", MachineNeed.GuestMemfdFaults, nameof(NeedState.Unknown), "no userfaultfd could be opened", "See to that first" },
        { "seccomp in docker", MachineNeed.Userfaultfd, nameof(NeedState.Denied), "in a container (docker)", "--security-opt seccomp" },
        { "seccomp with ENOSYS", MachineNeed.Userfaultfd, nameof(NeedState.Denied),
            "gives ENOSYS to a process that the kernel itself would not refuse: a seccomp filter", "--security-opt seccomp" },
        { "seccomp with ENOSYS and no sysctl", MachineNeed.Userfaultfd, nameof(NeedState.Unknown),
            "a seccomp filter (Seccomp: 2 in /proc/self/status) as well", "CONFIG_USERFAULTFD" },
        { "an old kernel", MachineNeed.Userfaultfd, nameof(NeedState.Absent), "", "CONFIG_USERFAULTFD" },
        { "seccomp on the ioctl", MachineNeed.Userfaultfd, nameof(NeedState.Denied), "UFFDIO_API gives EPERM", "--security-opt seccomp" },
        { "seccomp on the ioctl", MachineNeed.KernelFaults, nameof(NeedState.Denied), "UFFDIO_API gives EPERM", "--security-opt seccomp" },
        { "seccomp on registering", MachineNeed.Userfaultfd, nameof(NeedState.Denied), "UFFDIO_REGISTER gives EPERM",
            "--security-opt seccomp" },
        { "seccomp on registering", MachineNeed.GuestMemfdFaults, nameof(NeedState.Denied), "UFFDIO_REGISTER gives EPERM",
            "--security-opt seccomp" },
        { "SELinux", MachineNeed.Userfaultfd, nameof(NeedState.Denied), "profile system_u:system_r:container_t:s0", "label=disable" },
        { "something unseen", MachineNeed.Userfaultfd, nameof(NeedState.Denied), "neither a seccomp filter nor a profile",
            "Look for what confines" },
        { "root without CAP_SYS_PTRACE", MachineNeed.Userfaultfd, nameof(NeedState.Met), "", "" },
        { "root without CAP_SYS_PTRACE", MachineNeed.KernelFaults, nameof(NeedState.Denied), "root without CAP_SYS_PTRACE",
            "--cap-add SYS_PTRACE" },
        { "a user namespace", MachineNeed.KernelFaults, nameof(NeedState.Denied), "user namespace", "--device /dev/userfaultfd" },
        { "nobody under seccomp", MachineNeed.KernelFaults, nameof(NeedState.Denied), "may refuse it as well", "Run with CAP_SYS_PTRACE" },
        { "no pagemap", MachineNeed.PagemapScan, nameof(NeedState.Denied), "pagemap", "--security-opt seccomp" },
        { "no pagemap", MachineNeed.Userfaultfd, nameof(NeedState.Met), "", "" },
        { "no device in the container", MachineNeed.Kvm, nameof(NeedState.Denied), "control group", "--device /dev/kvm" },
        { "no device in the container", MachineNeed.GuestMemfd, nameof(NeedState.Unknown), "/dev/kvm gives EPERM", "See to that first" },
        { "no device in the container", MachineNeed.GuestMemfdFaults, nameof(NeedState.Unknown), "no guest_memfd could be made",
            "See to that first" },
        { "root without CAP_SYS_NICE", MachineNeed.RealTimePriority, nameof(NeedState.Denied), "root without CAP_SYS_NICE",
            "--cap-add SYS_NICE" },
        { "seccomp on priorities", MachineNeed.RealTimePriority, nameof(NeedState.Denied), "sched_setscheduler(2) gives EPERM",
            "--security-opt seccomp" },
    };

    [Theory]
    [MemberData(nameof(Denials))]
    public void What_is_denied_is_told_from_what_is_absent_and_from_what_could_not_be_asked(
        string machine, MachineNeed need, string state, string cause, string remedy)
    {
        Confinement filtered = Confinement.None with { Seccomp = 2 };
        AccessFacts denied = Root with { Syscall = "EPERM", Device = "EPERM", UserModeOnly = "EPERM" };
        AccessFacts lacking = Root with { Syscall = "ENOSYS", Device = "ENOENT", UserModeOnly = "ENOSYS", UnprivilegedSysctl = null };
        AccessFacts limited = Root with { Syscall = "EPERM", Device = "ENOENT" };
        AccessFacts access = machine switch
        {
            "seccomp" => denied with { Confinement = filtered },
            "seccomp in docker" => denied with { Confinement = filtered with { Container = "docker", Capabilities = 0xa80425fb } },
            "seccomp with ENOSYS" => lacking with { UnprivilegedSysctl = 0, Confinement = filtered },
            "seccomp with ENOSYS and no sysctl" => lacking with { Confinement = filtered },
            "an old kernel" => lacking,
            "seccomp on the ioctl" => Root with { Handshake = "EPERM", Confinement = filtered },
            "SELinux" =>
                Root with
                {
                    Syscall = "EACCES",
                    Device = "EACCES",
                    UserModeOnly = "EACCES",
                    Confinement = Confinement.None with { SecurityProfile = "system_u:system_r:container_t:s0" },
                },
            "something unseen" => denied,
            "root without CAP_SYS_PTRACE" =>
                limited with { Confinement = Confinement.None with { Capabilities = Everything & ~(1UL << 19) } },
            "a user namespace" => limited with { Confinement = Confinement.None with { UserNamespace = true } },
            "nobody under seccomp" => limited with { Confinement = Nobody with { Seccomp = 2 } },
            "no pagemap" or "seccomp on priorities" or "seccomp on registering" => Root with { Confinement = filtered },
            "root without CAP_SYS_NICE" => Root with { Confinement = Confinement.None with { Capabilities = Everything & ~(1UL << 23) } },
            _ => Root,
        };
        bool canOpen = access.UserModeOnly == "ok" && access.Handshake == "ok";
        bool hasKvm = machine != "no device in the container";
        MachineFinding finding = MachineFinding.All(
            canOpen,
            access,
            !canOpen || !hasKvm
                ? []
                : machine == "seccomp on registering" ? [.. Registers.Select(r => r with { Answer = "EPERM" })] : Registers,
            machine == "no pagemap" ? Memory with { PagemapScanAnswer = "EACCES" } : Memory,
            hasKvm ? Kvm : new KvmFacts("EPERM", 0, false, 0),
            need == MachineNeed.RealTimePriority ? Cpus with { RealTimePriority = "EPERM" } : Cpus).Single(f => f.Need == need);

        Assert.Equal(state, finding.State.ToString());
        Assert.Contains(cause, finding.Cause ?? "", StringComparison.Ordinal);
        Assert.Contains(remedy, finding.Remedy ?? "", StringComparison.Ordinal);
        // Who is root already is not told to become it.
        if (finding.State == NeedState.Denied && access.Confinement.User == 0)
            Assert.DoesNotContain("root", finding.Remedy, StringComparison.Ordinal);
        if (finding.State == NeedState.Met) return;
        string refusal = UnsupportedMachineException.Of(finding, "It cannot be done.").Message;
        Assert.Equal(
            finding.Cause is null ? $"It cannot be done. {finding.Remedy}" : $"It cannot be done. {finding.Cause} {finding.Remedy}",
            refusal);
    }

    /// <summary>What could not be asked is not called absent.</summary>
    [Fact]
    public void Where_nothing_could_be_asked_the_answer_is_unknown_and_where_something_denies_it_is_named()
    {
        Confinement filtered = Confinement.None with { Seccomp = 2 };
        MachineFinding[] Of(MemoryFacts memory, KvmFacts kvm, CpuFacts cpus) =>
            [.. MachineFinding.All(true, Root with { Confinement = filtered }, Registers[..0], memory, kvm, cpus)];

        MachineFinding[] masked = Of(
            Memory with { TotalMib = 0, HugePagesFree = 0, HugePagesReserved = 0, SwapMib = 0, PagemapScanAnswer = "ENOENT" },
            new KvmFacts("ENOENT", 0, false, 0), Cpus with { WaitChannels = false, WaitChannelsAsked = "poll gives EPERM" });
        foreach ((MachineNeed need, string cause) in new[]
        {
            (MachineNeed.HugePages, "/proc/meminfo"), (MachineNeed.Swap, "/proc/meminfo"), (MachineNeed.PagemapScan, "is /proc mounted?"),
            (MachineNeed.GuestMemfd, "/dev/kvm gives ENOENT"), (MachineNeed.GuestMemfdFaults, "no guest_memfd could be made"),
            (MachineNeed.WaitChannels, "poll gives EPERM"),
        })
        {
            MachineFinding finding = masked.Single(f => f.Need == need);
            Assert.Equal(NeedState.Unknown, finding.State);
            Assert.Contains(cause, finding.Cause, StringComparison.Ordinal);
        }

        Assert.Equal(NeedState.Absent, masked.Single(f => f.Need == MachineNeed.Kvm).State);

        MachineFinding[] inContainer = Of(Memory, new KvmFacts("ENOENT", 0, false, 0) { InKernel = true }, Cpus);
        Assert.Equal(NeedState.Denied, inContainer.Single(f => f.Need == MachineNeed.Kvm).State);
        Assert.Contains("--device /dev/kvm", inContainer.Single(f => f.Need == MachineNeed.Kvm).Remedy, StringComparison.Ordinal);

        MachineFinding[] deaf = Of(Memory, new KvmFacts("ok", 0, false, 0) { Answer = "EPERM" }, Cpus);
        Assert.Equal(NeedState.Denied, deaf.Single(f => f.Need == MachineNeed.Kvm).State);
        Assert.Contains("ioctl(2) on /dev/kvm gives EPERM", deaf.Single(f => f.Need == MachineNeed.Kvm).Cause, StringComparison.Ordinal);
        Assert.Equal(NeedState.Unknown, deaf.Single(f => f.Need == MachineNeed.GuestMemfd).State);
    }

    [Theory]
    [InlineData("         0          0 4294967295", false)]
    [InlineData("         0       1000          1", true)]
    public void A_user_namespace_is_known_by_its_map(string line, bool expected) =>
        Assert.Equal(expected, Confinement.IsUserNamespace([line]));

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("unconfined", null)]
    [InlineData("unconfined_u:unconfined_r:unconfined_t:s0\0", null)]
    [InlineData("docker-default (enforce)\n", "docker-default (enforce)")]
    public void A_profile_is_one_that_confines(string? line, string? expected) => Assert.Equal(expected, Confinement.ProfileOf(line));

    [Fact]
    public void A_refusal_ends_with_the_words_of_doctor()
    {
        foreach (MachineNeed need in Enum.GetValues<MachineNeed>())
        {
            UnsupportedMachineException refusal = new(need, "It cannot be done.");
            Assert.Equal($"It cannot be done. {Remedies.Of(need)}", refusal.Message);
            Assert.Equal(need, refusal.Need);
        }

        Assert.Equal(Enum.GetValues<MachineNeed>().Length, Enum.GetValues<MachineNeed>().Select(Remedies.Of).Distinct().Count());
    }

    [Fact]
    public void A_refusal_on_this_machine_is_one_that_doctor_has_reported()
    {
        MachineReport machine = MachineReport.Read();
        foreach (MachineFinding finding in machine.Findings.Where(f => f.Need is MachineNeed.GuestMemfd or MachineNeed.Kvm))
        {
            UnsupportedMachineException? refusal =
                Record.Exception(() => Linux.Memory.MemoryObject.CreateGuestMemfd(4096).Dispose()) as UnsupportedMachineException;
            if (refusal?.Need == finding.Need)
                Assert.Equal((false, true), (finding.IsMet, refusal.Message.EndsWith(finding.Remedy!, StringComparison.Ordinal)));
            else if (refusal is null) Assert.True(finding.IsMet);
        }
    }
}
