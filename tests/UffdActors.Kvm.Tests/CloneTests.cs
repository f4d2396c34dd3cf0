using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Snapshots;

namespace UffdActors.Kvm.Tests;

/// <summary>Guests that are cloned from one snapshot share what they read, and never see each other's writes.</summary>
public sealed class CloneTests
{
    [SkippableFact]
    public async Task Clones_that_write_a_twentieth_take_less_than_two_guests_in_all()
    {
        ThisKvm.Require();
        await using SnapshotScene scene = new(Guests.Plan(ProgramKind.Mark, 1, 4096, 2));
        _ = await scene.TakeAsync("base", 1);
        using Snapshot snapshot = Snapshot.Open(scene.FileOf("base"));
        CloneReport report = await CloneRun.RunAsync(scene.Runtime, scene.Kvm, snapshot, 4, new RestoreOptions());
        Assert.All(report.Clones, clone => Assert.Equal([], clone.Differences));
        // All of the page cache is there, once; and each clone has the pages that it wrote to.
        Assert.Equal(snapshot.Document.StoredPages << 12, report.SharedBytes);
        Assert.All(report.PrivateBytes, own => Assert.True(own >= 4096 / GuestPlan.MarkStep * 4096, $"{own} bytes are its own"));
        Assert.True(report.AllBytes < 2 * report.OneBytes, $"{report.AllBytes} bytes in all, {report.OneBytes} of one");
    }

    [SkippableFact]
    public async Task What_a_clone_writes_no_other_reads()
    {
        ThisKvm.Require();
        // Every page is written to, and read again in the next rounds, by guests that are never at the same place.
        await using SnapshotScene scene = new(Guests.Plan(ProgramKind.Scatter, 2, 512, 4));
        _ = await scene.TakeAsync("base", 1);
        using Snapshot snapshot = Snapshot.Open(scene.FileOf("base"));
        CloneReport report = await CloneRun.RunAsync(scene.Runtime, scene.Kvm, snapshot, 3, new RestoreOptions());
        Assert.All(report.Clones, clone => Assert.Equal([], clone.Differences));
    }

    [SkippableFact]
    public async Task A_guest_that_gives_pages_back_is_not_cloned()
    {
        ThisKvm.Require();
        await using SnapshotScene scene = new(Guests.Plan(ProgramKind.Balloon, 1, 64, 2));
        _ = await scene.TakeAsync("base", 1);
        using Snapshot snapshot = Snapshot.Open(scene.FileOf("base"));
        KvmSnapshotException refused = await Assert.ThrowsAsync<KvmSnapshotException>(
            () => CloneRun.RunAsync(scene.Runtime, scene.Kvm, snapshot, 2, new RestoreOptions()));
        Assert.Contains("is of a guest that gives pages back", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Private_pages_are_those_of_the_mapping_in_memory_and_in_swap()
    {
        string[] smaps =
        [
            "7f0000000000-7f0000001000 rw-p 00000000 00:01 5 /memfd:uffd-clones (deleted)", "Rss:  8 kB", "Anonymous:  4 kB", "Swap:  8 kB",
            "7f0000001000-7f0000009000 rw-p 00001000 00:01 5 /memfd:uffd-clones (deleted)", "Anonymous:  16 kB", "VmFlags: rd wr",
            "7f0000009000-7f000000a000 rw-p 00000000 00:00 0", "Anonymous:  64 kB",
        ];
        Assert.Equal(28 << 10, PrivatePages.BytesIn(smaps, 0x7f0000000000, 0x7f0000009000));
    }
}
