using UffdActors.Kvm.Runs;

namespace UffdActors.Kvm.Tests;

/// <summary>Two results of a guest that differ in one thing: the verdict names it. Needs no KVM.</summary>
public sealed class GuestVerdictTests
{
    private static readonly GuestResult Right = new()
    {
        Ends = [new VcpuEnd(0, VcpuEndKind.Halted, "halted"), new VcpuEnd(1, VcpuEndKind.Halted, "halted")],
        Checksums = [5, 6],
        Reported = [5, 6],
        MemorySha256 = "aa",
        AbsentPages = 0,
        Duration = TimeSpan.Zero,
        Exits = 0,
        Latencies = [null, null],
        Console = "",
        GivenBack = 2,
        Faults = null,
        PushedPages = 0,
        Place = new VmPlace("live", "6.18", null, null),
        PageBytes = 4096,
    };

    public static TheoryData<string, string> Wrongs => new()
    {
        { "checksum", "vCPU 1 has the checksum 0x0000000000000007, and with all memory present 0x0000000000000006." },
        { "no checksum", "vCPU 1 has the checksum none" },
        { "reported", "vCPU 0 has reported 0x0000000000000007, and its register holds 0x0000000000000005." },
        { "memory", "Its memory has the SHA-256 ab, and with all memory present aa." },
        { "given back", "It gave 3 pages back, and with all memory present 2." },
        { "end", "stuck" },
        { "fewer", "1 vCPUs have a checksum, and with all memory present 2." },
        { "no hash", "There is no SHA-256 of its memory on both sides." },
    };

    [Theory]
    [MemberData(nameof(Wrongs))]
    public void One_thing_that_is_another_is_named(string wrong, string says)
    {
        GuestResult served = wrong switch
        {
            "checksum" => Right with { Checksums = [5, 7], Reported = [5, 7] },
            "no checksum" => Right with { Checksums = [5, null] },
            "reported" => Right with { Reported = [7, 6] },
            "memory" => Right with { MemorySha256 = "ab" },
            "given back" => Right with { GivenBack = 3 },
            "end" => Right with { Ends = [Right.Ends[0], new VcpuEnd(1, VcpuEndKind.DeadlinePassed, "stuck")] },
            "fewer" => Right with { Checksums = [5], Reported = [5] },
            _ => Right with { MemorySha256 = null },
        };
        Assert.Contains(GuestVerdict.Differences(Right, served), d => d.StartsWith(says, StringComparison.Ordinal));
    }

    [Fact]
    public void The_same_is_no_difference() => Assert.Empty(GuestVerdict.Differences(Right, Right with { AbsentPages = 9, Exits = 4 }));

    /// <summary>What is on neither side is equal, and nothing was compared.</summary>
    [Fact]
    public void Nothing_on_both_sides_is_no_verdict()
    {
        GuestResult hashless = Right with { MemorySha256 = null };
        Assert.NotEmpty(GuestVerdict.Differences(hashless, hashless));
        GuestResult empty = Right with { Checksums = [], Reported = [] };
        Assert.NotEmpty(GuestVerdict.Differences(empty, empty));
    }
}
