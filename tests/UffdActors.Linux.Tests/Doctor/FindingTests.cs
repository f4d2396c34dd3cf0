using UffdActors.Linux.Machine;

namespace UffdActors.Linux.Tests.Doctor;

/// <summary>What <c>uffd doctor</c> concludes of a machine, from facts that are made up.</summary>
public sealed class FindingTests
{
    private static readonly AccessFacts Root = new(0, true, 0, "ok", "ok", "ok");
    private static readonly RegisterFact[] Registers = [new("guest_memfd", "async", "W", "ok", []), new("guest_memfd", "sync", "I", "ok", ["CONTINUE"])];
    private static readonly MemoryFacts Memory = new(1024, 512, 64, 2 << 20, 8, 4, 3, "madvise", "never", true, 64 << 10, true);
    private static readonly KvmFacts Kvm = new("ok", 12, true, 3);
    private static readonly CpuFacts Cpus = new("0-1", [0, 1], "ok", true);

    public static TheoryData<string, MachineNeed[]> Lacks => new()
    {
        { "userfaultfd", [MachineNeed.Userfaultfd] },
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
                "both ways to kernel faults" => Root with { Syscall = "EPERM", Device = "EACCES" },
                "the system call alone" => Root with { Syscall = "EPERM" },
                _ => Root,
            },
            lack == "modes of guest_memfd" ? Registers[..1] : Registers,
            lack switch
            {
                "huge pages that are not promised" => Memory with { HugePagesReserved = Memory.HugePagesFree },
                "PAGEMAP_SCAN" => Memory with { PagemapScan = false },
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
        Assert.All(findings, f => Assert.Equal(f.IsMet ? null : Remedies.Of(f.Need), f.Remedy));
        // A refusal can only name what doctor knows of.
        Assert.Equal(Enum.GetValues<MachineNeed>().Order(), findings.Select(f => f.Need).Order());
    }

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
            UnsupportedMachineException? refusal = Record.Exception(() => Linux.Memory.MemoryObject.CreateGuestMemfd(4096).Dispose()) as UnsupportedMachineException;
            if (refusal?.Need == finding.Need) Assert.Equal((false, true), (finding.IsMet, refusal.Message.EndsWith(finding.Remedy!, StringComparison.Ordinal)));
            else if (refusal is null) Assert.True(finding.IsMet);
        }
    }
}
