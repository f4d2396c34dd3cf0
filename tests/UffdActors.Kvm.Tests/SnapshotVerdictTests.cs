using UffdActors.Kvm.Runs;
using UffdActors.Kvm.Snapshots;

namespace UffdActors.Kvm.Tests;

/// <summary>The end of a guest that was saved, restored or cloned, with one thing that is another: it is named. Needs no KVM.</summary>
public sealed class SnapshotVerdictTests
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
        { "checksum", "vCPU 1 has the checksum 0x0000000000000007, and without interruption 0x0000000000000006." },
        { "no checksum", "vCPU 1 has the checksum none" },
        { "reported", "vCPU 0 has reported 0x0000000000000007, and its register holds 0x0000000000000005." },
        { "memory", "Its memory has the SHA-256 ab, and without interruption aa." },
        { "no hash", "Its memory has the SHA-256 none, and without interruption aa." },
        { "given back", "It gave 3 pages back, and without interruption 2." },
        { "end", "stuck" },
        { "fewer", "1 vCPUs have a checksum, and without interruption 2." },
    };

    [Theory]
    [MemberData(nameof(Wrongs))]
    public void One_thing_that_is_another_is_named(string wrong, string says)
    {
        GuestResult ended = wrong switch
        {
            "checksum" => Right with { Checksums = [5, 7], Reported = [5, 7] },
            "no checksum" => Right with { Checksums = [5, null] },
            "reported" => Right with { Reported = [7, 6] },
            "memory" => Right with { MemorySha256 = "ab" },
            "no hash" => Right with { MemorySha256 = null },
            "given back" => Right with { GivenBack = 3 },
            "end" => Right with { Ends = [Right.Ends[0], new VcpuEnd(1, VcpuEndKind.DeadlinePassed, "stuck")] },
            _ => Right with { Checksums = [5], Reported = [5] },
        };
        Assert.Contains(
            SnapshotVerdict.Differences(SnapshotVerdict.Expected(Right), ended), d => d.StartsWith(says, StringComparison.Ordinal));
    }

    [Fact]
    public void The_same_is_no_difference() =>
        Assert.Empty(SnapshotVerdict.Differences(SnapshotVerdict.Expected(Right), Right with { AbsentPages = 9, Exits = 4 }));

    [Fact]
    public void A_guest_that_has_not_ended_in_order_is_no_expectation()
    {
        _ = Assert.Throws<InvalidOperationException>(() => SnapshotVerdict.Expected(Right with { MemorySha256 = null }));
        _ = Assert.Throws<InvalidOperationException>(() => SnapshotVerdict.Expected(Right with { Checksums = [5, null] }));
    }
}
