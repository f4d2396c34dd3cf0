using UffdActors.Serve.Content;

namespace UffdActors.Serve.Tests;

/// <summary>A disk that takes long for one page holds no other page, and no other guest.</summary>
[Collection(ServeCollection.Name)]
public sealed class SlowDiskTests(VmmPrograms programs)
{
    [SkippableFact]
    public async Task While_one_page_is_read_the_others_are_served()
    {
        VmmPrograms.Require();
        using ManualResetEventSlim goOn = new();
        await using ServeScene scene = new(programs, how: o => o with
        {
            HoldBack = page =>
            {
                if (page == 0) goOn.Wait();
            },
        });
        // The first thread begins at page 0, and sleeps; the other one comes down to it from the middle of the region.
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "2");
        GuestSession session = (await scene.NextAsync(ServeEventKind.Began)).Session!;
        Assert.True(SpinWait.SpinUntil(() => session.Figures().ContentPages >= (ServeScene.Pages / 4 * 3 / 4) - 1, ServeScene.Deadline));
        Assert.True(vmm.IsAlive);
        goOn.Set();
        Assert.Contains($"verified {ServeScene.Pages * 2} pages", await vmm.EndAsync(), StringComparison.Ordinal);
        SessionFigures figures = (await scene.NextAsync(ServeEventKind.Ended)).Session!.Figures();
        Assert.Equal(ServeScene.Pages * 3 / 4, figures.ContentPages);
        // The kernel shows a fault before it looks once more whether the page has come meanwhile: such a fault has its page read again.
        Assert.InRange(figures.BytesRead / 4096, ServeScene.Pages * 3 / 4, (ServeScene.Pages * 3 / 4) + 8);
    }

    [Fact]
    public void A_session_has_so_many_reads_at_a_time_and_leaves_the_other_threads_to_others()
    {
        ReadPool pool = new(4);
        ReadLane storm = new(pool, most: 3);
        ReadLane quiet = new(pool, most: 3);
        using CountdownEvent held = new(3);
        using ManualResetEventSlim goOn = new();
        using CountdownEvent all = new(20);
        for (int i = 0; i < 20; i++)
        {
            storm.Add(
                new Read(() =>
                {
                    if (held.CurrentCount > 0) _ = held.Signal();
                    goOn.Wait();
                    _ = all.Signal();
                }), Urgency.Demand);
        }

        Assert.True(held.Wait(ServeScene.Deadline));
        using ManualResetEventSlim done = new();
        quiet.Add(new Read(done.Set), Urgency.Push);
        Assert.True(done.Wait(ServeScene.Deadline));
        goOn.Set();
        Assert.True(all.Wait(ServeScene.Deadline));
        Assert.InRange(pool.Threads, 1, 4);
    }

    [Fact]
    public void A_demand_is_read_before_what_is_fetched_ahead()
    {
        ReadLane lane = new(new ReadPool(1));
        using ManualResetEventSlim begun = new();
        using ManualResetEventSlim goOn = new();
        using CountdownEvent all = new(3);
        List<string> order = [];
        lane.Add(
            new Read(() =>
            {
                begun.Set();
                goOn.Wait();
                _ = all.Signal();
            }), Urgency.Push);
        Assert.True(begun.Wait(ServeScene.Deadline));
        foreach ((string name, Urgency urgency) in new[] { ("push", Urgency.Push), ("demand", Urgency.Demand) })
        {
            lane.Add(
                new Read(() =>
                {
                    order.Add(name);
                    _ = all.Signal();
                }), urgency);
        }

        goOn.Set();
        Assert.True(all.Wait(ServeScene.Deadline));
        Assert.Equal(["demand", "push"], order);
    }

    private sealed class Read(Action run) : IDiskRead
    {
        public void Run() => run();
    }
}
