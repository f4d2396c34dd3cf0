using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Snapshots;
using UffdActors.Model.Operations.Maps;

namespace UffdActors.Kvm.Tests;

/// <summary>A guest that is restored from a snapshot ends with exactly the result of one that ran without interruption.</summary>
public sealed class SnapshotTests
{
    [SkippableTheory]
    [InlineData(nameof(ProgramKind.Scatter), 2, null, false)]
    [InlineData(nameof(ProgramKind.Balloon), 2, null, false)]
    [InlineData(nameof(ProgramKind.Counter), 3, "shmem", true)]
    public async Task A_guest_that_was_stopped_on_its_way_goes_on_from_the_files(string kind, int vcpus, string? backend, bool largePages)
    {
        ThisKvm.Require();
        await using SnapshotScene scene = new(Guests.Plan(Enum.Parse<ProgramKind>(kind), vcpus, 1024, 3, largePages));
        SnapshotReport taken = await scene.TakeAsync("base", 1, o => o with { Backend = backend });
        Assert.Equal([], taken.Differences);
        Assert.InRange(taken.Document!.State.Progress, 0.33, 0.34);
        RestoreReport restored = await scene.RestoreAsync("base", o => o with { Backend = backend });
        Assert.Equal([], restored.Differences);
        Assert.True(restored.Result.AbsentPages > 0, "it is served by need");
        Assert.NotNull(restored.FirstInstruction);
    }

    [SkippableFact]
    public async Task A_snapshot_of_one_backend_is_restored_on_another_and_fetched_ahead()
    {
        ThisKvm.Require();
        await using SnapshotScene scene = new(Guests.Plan(ProgramKind.Scatter, 2, 1024, 3));
        Assert.Equal([], (await scene.TakeAsync("base", 1)).Differences);
        RestoreReport restored =
            await scene.RestoreAsync("base", o => o with { Backend = "shmem", Prefetch = new PrefetchOptions(), Handlers = 2 });
        Assert.Equal([], restored.Differences);
    }

    [SkippableTheory]
    [InlineData(nameof(ProgramKind.Scatter), null)]
    [InlineData(nameof(ProgramKind.Balloon), null)]
    [InlineData(nameof(ProgramKind.Scatter), "shmem")]
    [InlineData(nameof(ProgramKind.Balloon), "shmem")]
    public async Task A_guest_that_runs_on_changes_nothing_of_its_snapshot(string kind, string? backend)
    {
        ThisKvm.Require();
        await using SnapshotScene scene = new(Guests.Plan(Enum.Parse<ProgramKind>(kind), 2, 1024, 3));
        // Nothing is copied in the background before the guest has ended: what it has changed was kept before.
        SnapshotReport taken = await scene.TakeAsync(
            "live", 1, o => o with { IsLive = true, PreparesPaused = true, Backend = backend, BeforeCopy = EndedAsync });
        Assert.Equal([], taken.Differences);
        Assert.InRange(taken.KeptBefore, 1024, 1040);
        Assert.Equal([], (await scene.RestoreAsync("live")).Differences);
    }

    /// <summary>It is one that is verified like any other, and goes the way of the real one.</summary>
    [SkippableFact]
    public async Task The_rehearsal_of_a_live_snapshot_is_one_itself()
    {
        ThisKvm.Require();
        await using SnapshotScene scene = new(Guests.Plan(ProgramKind.Walk, 1, 16, 1));
        SnapshotReport rehearsed =
            await SnapshotRehearsal.RunAsync(scene.Runtime, scene.Kvm, Path.GetDirectoryName(scene.FileOf("x"))!, CancellationToken.None);
        Assert.Equal([], rehearsed.Differences);
        Assert.True(rehearsed.Document!.State.IsLive);
        Assert.Equal([], (await scene.RestoreAsync("memory")).Differences);
    }

    [SkippableFact]
    public async Task A_page_that_is_not_copied_before_its_write_is_noticed()
    {
        ThisKvm.Require();
        await using SnapshotScene scene = new(Guests.Plan(ProgramKind.Scatter, 2, 1024, 3));
        SnapshotReport taken = await scene.TakeAsync(
            "live", 1, o => o with { IsLive = true, PreparesPaused = true, ForgetsWrites = true, BeforeCopy = EndedAsync });
        Assert.Equal([], taken.Differences);
        RestoreReport restored = await scene.RestoreAsync("live");
        Assert.Contains(restored.Differences, d => d.StartsWith("vCPU 0 has the checksum 0x", StringComparison.Ordinal));
        Assert.Contains(restored.Differences, d => d.StartsWith("Its memory has the SHA-256", StringComparison.Ordinal));
    }

    [SkippableTheory]
    [InlineData(nameof(ProgramKind.Scatter), null, false)]
    [InlineData(nameof(ProgramKind.Balloon), null, false)]
    [InlineData(nameof(ProgramKind.Balloon), "shmem", false)]
    [InlineData(nameof(ProgramKind.Scatter), null, true)]
    [InlineData(nameof(ProgramKind.Balloon), null, true)]
    [InlineData(nameof(ProgramKind.Balloon), "shmem", true)]
    public async Task A_chain_of_layers_is_the_guest_as_it_was(string kind, string? backend, bool isLive)
    {
        ThisKvm.Require();
        await using SnapshotScene scene = new(Guests.Plan(Enum.Parse<ProgramKind>(kind), 2, 1024, 4));
        Func<SnapshotGuest, Task>? hold = isLive ? EndedAsync : null;
        _ = await scene.TakeAsync("base", 1, o => o with { Backend = backend });
        SnapshotReport child = await scene.TakeOverAsync(
            "base", "child", 2, o => o with { Backend = backend, IsLive = isLive, PreparesPaused = true, BeforeCopy = hold });
        SnapshotReport last = await scene.TakeOverAsync(
            "child", "last", 3, o => o with { Backend = backend, IsLive = isLive, PreparesPaused = true, BeforeCopy = hold });
        Assert.Equal([], child.Differences);
        Assert.Equal([], last.Differences);
        Assert.Equal(2, last.Parents);
        Assert.InRange(child.Document!.StoredPages, 1024, 1040);
        Assert.Equal([], (await scene.RestoreAsync("child")).Differences);
        Assert.Equal([], (await scene.RestoreAsync("last")).Differences);
    }

    [SkippableFact]
    public async Task A_layer_that_is_left_out_is_noticed()
    {
        ThisKvm.Require();
        await using SnapshotScene scene = new(Guests.Plan(ProgramKind.Scatter, 2, 1024, 4));
        _ = await scene.TakeAsync("base", 1);
        _ = await scene.TakeOverAsync("base", "child", 2);
        using Snapshot below = Snapshot.Open(scene.FileOf("base"));
        RestoreReport restored = await scene.RestoreAsync("child", o => o with { AroundSource = _ => new SnapshotSource(below.Memory) });
        Assert.Contains(restored.Differences, d => d.StartsWith("vCPU 0 has the checksum 0x", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task A_page_that_is_damaged_in_the_file_is_noticed()
    {
        ThisKvm.Require();
        await using SnapshotScene scene = new(Guests.Plan(ProgramKind.Scatter, 1, 1024, 2));
        SnapshotReport taken = await scene.TakeAsync("base", 1);
        long page = scene.Plan.BootPages;
        while (taken.Document!.Sample.Pages.Contains(page)) page++;
        using (FileStream file = new(scene.FileOf("base"), FileMode.Open))
        {
            file.Position = (page << 12) + 8;
            int value = file.ReadByte();
            file.Position = (page << 12) + 8;
            file.WriteByte((byte)~value);
        }

        RestoreReport restored = await scene.RestoreAsync("base");
        string difference = Assert.Single(restored.Differences);
        Assert.StartsWith("Its memory has the SHA-256", difference, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData(null)]
    [InlineData("shmem")]
    public async Task A_page_that_was_paged_out_is_neither_absent_nor_written(string? backend)
    {
        ThisKvm.Require();
        await using SnapshotScene scene = new(Guests.Plan(ProgramKind.Walk, 2, 1024, 3));
        _ = await scene.TakeAsync("base", 1);
        SnapshotReport child = await scene.TakeOverAsync(
            "base", "child", 2, o => o with { Backend = backend, BeforeTaken = PageOutAsync });
        Assert.Equal([], child.Differences);
        // The program writes nothing but its results.
        Assert.InRange(child.Document!.StoredPages, 0, 4);
        Assert.Equal([], (await scene.RestoreAsync("child")).Differences);

        static async Task PageOutAsync(SnapshotGuest guest) =>
            await guest.AdviseAsync(0, guest.Memory.Pages, Advice.PageOut);
    }

    [SkippableFact]
    public async Task A_file_that_changes_while_it_is_served_ends_the_guest()
    {
        ThisKvm.Require();
        await using SnapshotScene scene = new(Guests.Plan(ProgramKind.Walk, 1, 1024, 2));
        _ = await scene.TakeAsync("base", 1);
        KvmSnapshotException flaw = await Assert.ThrowsAsync<KvmSnapshotException>(
            () => scene.RestoreAsync("base", o => o with { AroundSource = whole => new TouchingSource(whole, scene.FileOf("base")) }));
        Assert.StartsWith(
            $"Memory file \"{scene.FileOf("base")}\" was written to while the guest was served from it", flaw.Message,
            StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_file_that_changes_when_its_last_page_has_been_read_verifies_nothing()
    {
        ThisKvm.Require();
        await using SnapshotScene scene = new(Guests.Plan(ProgramKind.Walk, 1, 1024, 2));
        _ = await scene.TakeAsync("base", 1);
        LastTouchingSource? last = null;
        KvmSnapshotException flaw = await Assert.ThrowsAsync<KvmSnapshotException>(() => scene.RestoreAsync("base", o => o with
        {
            // All pages come, so none is read for the comparison in the end.
            Prefetch = new PrefetchOptions(),
            AroundSource = whole => last = new LastTouchingSource(whole, scene.FileOf("base")),
        }));
        Assert.True(last!.HasTouched, "the file is changed behind its last page");
        Assert.Contains("was written to while the guest was served from it", flaw.Message, StringComparison.Ordinal);
    }

    /// <summary>Writes to the file behind the source when every page has been answered.</summary>
    private sealed class LastTouchingSource(IPageSource whole, string path) : IPageSource
    {
        private readonly HashSet<long> _answered = [];

        public bool HasTouched { get; private set; }

        public long Pages => whole.Pages;

        public bool AnswersAtOnce => whole.AnswersAtOnce;

        public bool TryAnswer(in PageOrder order, IPageReceiver receiver)
        {
            if (!whole.TryAnswer(order, receiver)) return false;
            lock (_answered)
            {
                for (int i = 0; i < order.Pages; i++) _ = _answered.Add(order.FirstPage + i);
                if (_answered.Count < Pages || HasTouched) return true;
                HasTouched = true;
                File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch);
                return true;
            }
        }

        // The file is in the page cache: it was just written.
        public void Request(in PageOrder order, IPageReceiver receiver) => Assert.True(TryAnswer(order, receiver));

        public void Dispose() => whole.Dispose();
    }

    /// <summary>Writes to the file behind the source when the guest comes to its data.</summary>
    private sealed class TouchingSource(IPageSource whole, string path) : IPageSource
    {
        private int _asked;

        public long Pages => whole.Pages;

        public bool AnswersAtOnce => whole.AnswersAtOnce;

        public bool TryAnswer(in PageOrder order, IPageReceiver receiver)
        {
            if (Interlocked.Increment(ref _asked) == 50) File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch);
            return whole.TryAnswer(order, receiver);
        }

        public void Request(in PageOrder order, IPageReceiver receiver) => whole.Request(order, receiver);

        public void Dispose() => whole.Dispose();
    }

    private static Task EndedAsync(SnapshotGuest guest) => Task.WhenAll(guest.Machine.Vcpus.Select(v => v.Ended));
}
