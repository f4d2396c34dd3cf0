using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Runs;
using UffdActors.Kvm.Snapshots;
using UffdActors.PostCopy;
using UffdActors.Testing;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Kvm.Tests;

/// <summary>A guest in huge pages: one fault brings 2 MiB.</summary>
[Collection(HugePageCollection.Name)]
public sealed class HugePageTests(HugePages pool)
{
    [SkippableTheory]
    [InlineData(PostCopyMode.Missing)]
    [InlineData(PostCopyMode.Minor)]
    public async Task A_guest_in_hugetlb_computes_what_it_computes_with_all_memory_present(PostCopyMode mode)
    {
        ThisKvm.Require();
        pool.Require();
        GuestPlan plan = Guests.Plan(ProgramKind.Scatter, vcpus: 2, dataPages: 1024, largePages: true);
        (GuestResult present, GuestResult served) = await Guests.BothAsync(plan, o => o with { Backend = "hugetlb", Mode = mode });
        Assert.Equal([], GuestVerdict.Differences(present, served));
        Assert.Equal(2 << 20, served.PageBytes);
        // The boot area and two pages of data.
        Assert.InRange(served.Faults!.Faults, 3, 6);
        Assert.Equal(0, served.AbsentPages);
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_snapshot_of_a_guest_in_hugetlb_and_a_layer_over_it_are_the_guest(bool isLive)
    {
        ThisKvm.Require();
        pool.Require();
        await using SnapshotScene scene = new(Guests.Plan(ProgramKind.Scatter, 2, 1024, 3, largePages: true));
        // Prepared while the guest is stopped: such a small one would have ended before.
        SnapshotRunOptions Paused(SnapshotRunOptions o) => o with { Backend = "hugetlb", IsLive = isLive, PreparesPaused = true };
        SnapshotReport taken = await scene.TakeAsync("base", 1, Paused);
        Assert.Equal([], taken.Differences);
        Assert.Equal("hugetlb", taken.Document!.Backend);
        SnapshotReport over = await scene.TakeOverAsync("base", "child", 2, Paused);
        Assert.Equal([], over.Differences);
        // The guest writes to all of its data, and its program stays the parent's.
        Assert.Equal(1024, over.Document!.StoredPages);
        RestoreReport restored = await scene.RestoreAsync("child", o => o with { Backend = "hugetlb" });
        Assert.Equal([], restored.Differences);
        Assert.Equal(2 << 20, restored.Result.PageBytes);
        Assert.Equal([], (await scene.RestoreAsync("child")).Differences);
    }

    [SkippableTheory]
    [InlineData(nameof(ProgramKind.Walk), 1000, "are not whole pages of hugetlb (2,097,152 bytes)")]
    [InlineData(nameof(ProgramKind.Balloon), 512, "gives single pages back, which hugetlb does not take")]
    public async Task What_hugetlb_cannot_hold_is_not_restored_on_it(string kind, int dataPages, string why)
    {
        ThisKvm.Require();
        pool.Require();
        await using SnapshotScene scene = new(Guests.Plan(Enum.Parse<ProgramKind>(kind), 1, dataPages));
        _ = await scene.TakeAsync("base", 1);
        KvmSnapshotException refused = await Assert.ThrowsAsync<KvmSnapshotException>(
            () => scene.RestoreAsync("base", o => o with { Backend = "hugetlb" }));
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
    }
}
