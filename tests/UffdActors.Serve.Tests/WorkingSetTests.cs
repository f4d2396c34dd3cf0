using UffdActors.Serve.WorkingSets;

namespace UffdActors.Serve.Tests;

/// <summary>What the first guest of a snapshot asks for is fetched ahead for the next.</summary>
[Collection(ServeCollection.Name)]
public sealed class WorkingSetTests(VmmPrograms programs) : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-working-set-");

    private string Recorded => Path.Combine(_folder.FullName, "set");

    public void Dispose() => _folder.Delete(recursive: true);

    [SkippableFact]
    public async Task It_is_recorded_with_the_first_guest_and_fetched_ahead_for_the_next()
    {
        VmmPrograms.Require();
        await using (ServeScene scene = Scene(Recorded, Recorded))
        {
            WorkingSetFigures first = await RunAsync(scene);
            Assert.Equal((0, ServeScene.Pages), (first.Pages, first.Recorded));
            Assert.Null(first.HitRate);
            Assert.Equal(ServeScene.Pages, WorkingSet.Read(Recorded).RegionPages);
            await AssertFetchedAsync(scene);
        }

        // And in a later run, which does not record it again.
        await using ServeScene later = Scene(Recorded, Recorded);
        await AssertFetchedAsync(later);
    }

    [SkippableFact]
    public async Task Only_what_the_set_has_is_fetched_and_what_it_has_not_got_counts_as_missed()
    {
        VmmPrograms.Require();
        // Of both regions, holes among them.
        long[] pages = [.. Enumerable.Range(0, 100).Select(i => 600L + i), 3, 9, 500];
        new WorkingSet(ServeScene.Pages, pages).Save(Recorded);
        await using ServeScene scene = Scene(Recorded, null);
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "1", "waits");
        GuestSession session = (await scene.NextAsync(ServeEventKind.Began)).Session!;
        Assert.True(SpinWait.SpinUntil(() => session.Figures().WorkingSet!.Fetched == pages.Length, ServeScene.Deadline));
        Assert.Equal(ServeScene.Pages - pages.Length, session.Figures().AbsentPages);
        Assert.Equal(0, session.Figures().Faults);
        await vmm.GoOnAsync();
        Assert.Contains("verified", await vmm.EndAsync(), StringComparison.Ordinal);
        WorkingSetFigures figures = (await scene.NextAsync(ServeEventKind.Ended)).Session!.Figures().WorkingSet!;
        Assert.Equal(
            (pages.Length, pages.Length, 0, ServeScene.Pages - pages.Length, 0),
            (figures.Pages, figures.Fetched, figures.Late, figures.Missed, figures.Recorded));
        Assert.Equal((double)pages.Length / ServeScene.Pages, figures.HitRate);
    }

    [SkippableFact]
    public async Task What_the_guest_has_given_back_is_not_fetched()
    {
        VmmPrograms.Require();
        const int Half = (int)ServeScene.Pages / 2;
        new WorkingSet(ServeScene.Pages, [.. Enumerable.Range(Half, Half), 0, 1]).Save(Recorded);
        using ManualResetEventSlim asked = new();
        using ManualResetEventSlim goOn = new();
        await using ServeScene scene = new(programs, how: o => o with
        {
            WorkingSet = new SnapshotWorkingSet(Recorded, null),
            HoldBack = page =>
            {
                if (page < Half) return;
                asked.Set();
                goOn.Wait();
            },
        });
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "1", "waits", "gives-back");
        Assert.Equal("handed over", await vmm.LineAsync());
        GuestSession session = (await scene.NextAsync(ServeEventKind.Began)).Session!;
        // The second region is on its way when the guest gives it back.
        Assert.True(asked.Wait(ServeScene.Deadline));
        await vmm.GoOnAsync();
        Assert.Equal("given back", await vmm.LineAsync());
        goOn.Set();
        Assert.True(SpinWait.SpinUntil(() => session.Figures().WorkingSet!.Fetched >= 2, ServeScene.Deadline));
        await vmm.GoOnAsync();
        Assert.Contains("verified what was given back", await vmm.EndAsync(), StringComparison.Ordinal);
        SessionFigures figures = (await scene.NextAsync(ServeEventKind.Ended)).Session!.Figures();
        // Of the first region; and nothing of the second one but the holes that needed no read, before.
        Assert.InRange(figures.WorkingSet!.Fetched, 2, 2 + (Half / 4));
        Assert.Equal(0, figures.WorkingSet.Late);
    }

    [SkippableFact]
    public async Task Recording_ends_after_its_time_and_a_set_of_another_snapshot_is_not_used()
    {
        VmmPrograms.Require();
        ManualTime time = new();
        await using ServeScene scene = new(programs, how: o => o with
        {
            WorkingSet = new SnapshotWorkingSet(null, Recorded) { Time = time, RecordFor = TimeSpan.FromSeconds(5) },
        });
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "1", "balloon", "waits");
        GuestSession session = (await scene.NextAsync(ServeEventKind.Began)).Session!;
        await vmm.GoOnAsync();
        Assert.True(SpinWait.SpinUntil(() => session.Figures().WorkingSet!.Recorded >= 10, ServeScene.Deadline));
        time.Pass();
        IReadOnlyList<long> recorded = WorkingSet.Read(Recorded).Pages;
        Assert.InRange(recorded.Count, 10, (int)ServeScene.Pages);
        // One thread, from the first page on.
        Assert.Equal(Enumerable.Range(0, 10), recorded.Take(10).Select(page => (int)page));
        _ = await vmm.EndAsync();
        _ = await scene.NextAsync(ServeEventKind.Ended);

        new WorkingSet(ServeScene.Pages + 1, [0]).Save(Recorded);
        await using ServeScene other = Scene(Recorded, null);
        await using VmmProcess next = other.Start("firecracker-1.16", ServeScene.Bytes, "1");
        ServeEvent note = await other.NextAnyAsync();
        if (note.Kind == ServeEventKind.Began) note = await other.NextAnyAsync();
        Assert.Contains("The working set is that of a snapshot of 1025 pages", note.Message, StringComparison.Ordinal);
        _ = await next.EndAsync();
    }

    [Fact]
    public void A_region_has_its_part_of_a_set_in_order_and_in_whole_pages_of_its_own()
    {
        WorkingSet set = new(5000, [4000, 700, 512, 1023, 1536, 2047, 3]);
        Assert.Equal([188, 0, 511, 1024, 1535], WorkingSetReplay.PartOf(set, 512, 2048, 1).Pages);
        Assert.Equal(
            [.. Enumerable.Range(0, 512), .. Enumerable.Range(1024, 512)],
            WorkingSetReplay.PartOf(set, 512, 2048, 512).Pages.Select(page => (int)page));
    }

    [Fact]
    public void The_first_session_that_comes_to_something_is_recorded_and_no_other()
    {
        SnapshotWorkingSet set = new(null, Recorded);
        Assert.True(set.Begin().Records);
        Assert.False(set.Begin().Records);
        set.Recorded(null);
        Assert.False(File.Exists(Recorded));
        Assert.True(set.Begin().Records);
        set.Recorded(new WorkingSet(10, [7, 8]));
        Assert.Equal([7, 8], set.Begin().Set!.Pages);
        Assert.Equal([7, 8], new SnapshotWorkingSet(Recorded, Recorded).Begin().Set!.Pages);
        Assert.True(new SnapshotWorkingSet(null, Recorded).Begin().Records);
    }

    private static async Task AssertFetchedAsync(ServeScene scene)
    {
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "2", "waits");
        GuestSession session = (await scene.NextAsync(ServeEventKind.Began)).Session!;
        Assert.True(SpinWait.SpinUntil(() => session.Figures().AbsentPages == 0, ServeScene.Deadline));
        await vmm.GoOnAsync();
        Assert.Contains("verified", await vmm.EndAsync(), StringComparison.Ordinal);
        SessionFigures figures = (await scene.NextAsync(ServeEventKind.Ended)).Session!.Figures();
        Assert.Equal(0, figures.Faults);
        Assert.Equal(
            (ServeScene.Pages, ServeScene.Pages, 0, 0, 0),
            (figures.WorkingSet!.Pages, figures.WorkingSet.Fetched, figures.WorkingSet.Late, figures.WorkingSet.Missed,
                figures.WorkingSet.Recorded));
        Assert.Equal(1, figures.WorkingSet.HitRate);
    }

    private static async Task<WorkingSetFigures> RunAsync(ServeScene scene)
    {
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "2");
        Assert.Contains("verified", await vmm.EndAsync(), StringComparison.Ordinal);
        _ = await scene.NextAsync(ServeEventKind.Began);
        return (await scene.NextAsync(ServeEventKind.Ended)).Session!.Figures().WorkingSet!;
    }

    private ServeScene Scene(string? path, string? recordPath) => new(programs, how: o => o with
    {
        WorkingSet = new SnapshotWorkingSet(path, recordPath),
    });
}
