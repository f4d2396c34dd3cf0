using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Operations.Maps;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>A push in other orders than from the first page to the last; paused, stopped; and what the guest gives back.</summary>
public sealed class PrefetchTests
{
    private const int Pages = 256;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    public static TheoryData<string, string?> Memories
    {
        get
        {
            TheoryData<string, string?> memories = [];
            foreach (string world in new[] { "model", "live" })
            {
                foreach (string? memory in new[] { null, "shmem" }) memories.Add(world, memory);
            }

            return memories;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Memories))]
    public async Task What_the_guest_gives_back_is_neither_asked_for_nor_filled_and_closing_is_allowed(string world, string? memory)
    {
        using ScriptedSource source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing, memory);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.Vm.AdviseAsync(region, 16, 100, memory is null ? Advice.DontNeed : Advice.Remove);

        BackgroundPush push = await vm.Uffd.PushAsync(region, source);
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal((Pages - 100, 0), (push.ReceivedPages, push.AbsentPages));
        // Neither has any of it taken memory.
        Assert.All(Enumerable.Range(16, 100), page => Assert.Null(vm.Word(region, page)));
        // Who touches it finds zeros, and what it is is told.
        VcpuGroup vcpu = await vm.StartAsync(region, isWrite: false, 20);
        await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(0ul, vm.Word(region, 20));
        Assert.Equal(PageState.Removed, (await vm.Uffd.PageStatesAsync(region, 40, 1)).Single().State);
        // Nothing is absent that closing would turn into zeros.
        await vm.Uffd.UnregisterAsync(region).WaitAsync(LiveScene.Deadline);
    }

    [SkippableTheory]
    [InlineData("model", false)]
    [InlineData("model", true)]
    [InlineData("live", false)]
    [InlineData("live", true)]
    public async Task Pages_of_zeros_stay_holes_of_a_page_cache_until_they_are_touched_and_the_source_is_not_asked_again(
        string world, bool isMinor)
    {
        using ScriptedSource source = new(Pages);
        source.Script = ZerosBehind(64);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.Vm.MapAsync(
            new RegionOptions { Pages = Pages, Module = "shmem", WithAlias = isMinor, LeavesAliasEmpty = isMinor });
        _ = await vm.Uffd.RegisterAsync(region, isMinor ? RegisterModes.Missing | RegisterModes.Minor : RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });

        BackgroundPush push = await vm.Uffd.PushAsync(region, source, new PrefetchOptions { KeepsHoles = true });
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal((64, Pages - 64, 0), (push.Pages, push.ZeroPages, push.AbsentPages));
        Assert.All(Enumerable.Range(64, Pages - 64), page => Assert.Null(vm.Word(region, page)));
        Assert.All(Enumerable.Range(0, 64), page => Assert.Equal(PageBytes.WordOf(page), vm.Word(region, page)));
        Assert.Equal(
            [new PageStateRange(0, 64, PageState.FromSource), new PageStateRange(64, Pages - 64, PageState.Zero)],
            await vm.Uffd.PageStatesAsync(region, 0, Pages));

        // A touch needs no source, and takes one page. What was written there stays, also when it has left the mapping.
        int asked = source.Asked;
        source.GoAway();
        VcpuGroup read = await vm.StartAsync(region, isWrite: false, 100);
        await read.WaitAsync().WaitAsync(LiveScene.Deadline);
        await vm.WriteAsync(region, 101);
        Assert.Equal((0ul, GuestLayout.ValueOf(0, 0)), (vm.Word(region, 100), vm.Word(region, 101)));
        Assert.Null(vm.Word(region, 102));
        if (isMinor)
        {
            await vm.Vm.AdviseAsync(region, 101, 1, Advice.DontNeed);
            Assert.Equal(GuestLayout.ValueOf(0, 0), vm.Word(region, 101));
            VcpuGroup again = await vm.StartAsync(region, isWrite: false, 101);
            await again.WaitAsync().WaitAsync(LiveScene.Deadline);
            Assert.Equal(GuestLayout.ValueOf(0, 0), vm.Word(region, 101));
        }

        Assert.Equal(asked, source.Asked);
        // Nothing is absent that closing would turn into zeros.
        await vm.Uffd.UnregisterAsync(region).WaitAsync(LiveScene.Deadline);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Pages_of_zeros_are_filled_where_a_hole_saves_nothing_or_writes_are_watched(string world)
    {
        foreach ((string? memory, RegisterModes modes) in new[]
        {
            (null, RegisterModes.Missing), ("shmem", RegisterModes.Missing | RegisterModes.WriteProtect),
        })
        {
            using ScriptedSource source = new(Pages);
            source.Script = ZerosBehind(64);
            await using EitherWorld vm = await EitherWorld.StartAsync(world);
            GuestRegion region = await vm.RegisterAsync(Pages, modes, memory);
            await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
            BackgroundPush push = await vm.Uffd.PushAsync(region, source, new PrefetchOptions { KeepsHoles = true });
            await push.WaitAsync().WaitAsync(LiveScene.Deadline);
            Assert.Equal((64, Pages - 64), (push.Pages, push.ZeroPages));
            Assert.Equal(0ul, vm.Word(region, 200));
        }
    }

    private static Func<PageOrder, IPageReceiver, bool> ZerosBehind(long first) => (order, receiver) =>
    {
        if (order.FirstPage < first && order.FirstPage + order.Pages > first)
            throw new InvalidOperationException("A chunk crosses the border.");
        if (order.FirstPage < first) return false;
        receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Zero, 0);
        return true;
    };

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_push_that_is_paused_asks_for_nothing_and_goes_on_when_it_is_told(string world)
    {
        using ScriptedSource source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        List<Action> answers = [];
        source.Script = (order, receiver) =>
        {
            if (order.Urgency == Urgency.Demand) return false;
            answers.Add(() => receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Zero, 0));
            _ = asked.TrySetResult();
            return true;
        };
        BackgroundPush push = await vm.Uffd.PushAsync(region, source, new PrefetchOptions { WindowBytes = 0 });
        await asked.Task.WaitAsync(LiveScene.Deadline);
        push.Pause();
        answers.Single()();
        long deadline = Environment.TickCount64 + (long)LiveScene.Deadline.TotalMilliseconds;
        while (push.ZeroPages < 64)
        {
            Assert.True(Environment.TickCount64 < deadline, "What had been asked for was not filled.");
            await Task.Yield();
        }

        // Demand goes on, in turns in which a push that is not paused would have asked for more.
        await vm.WriteAsync(region, 250, 251, 252);
        Assert.Equal(64, push.ZeroPages);
        Assert.Single(answers);

        source.ComeBack();
        push.Resume();
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(0, push.AbsentPages);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_push_that_is_stopped_says_so_and_the_rest_comes_on_demand(string world)
    {
        using ScriptedSource source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        source.Script = (order, _) => order.Urgency == Urgency.Push;
        BackgroundPush push = await vm.Uffd.PushAsync(region, source);

        await push.StopAsync().WaitAsync(LiveScene.Deadline);

        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => push.WaitAsync().WaitAsync(LiveScene.Deadline));
        await vm.WriteAsync(region, 3);
        Assert.NotNull(vm.Word(region, 3));
        Assert.Null(vm.Word(region, 4));
        // Another one brings what is left.
        source.ComeBack();
        BackgroundPush next = await vm.Uffd.PushAsync(region, source);
        await next.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(0, next.AbsentPages);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_recorded_working_set_is_fetched_first_in_the_next_run_and_nothing_else(string world)
    {
        long[] touched = [200, 3, 4, 100];
        WorkingSet set;
        using ScriptedSource source = new(Pages);
        await using (EitherWorld vm = await EitherWorld.StartAsync(world))
        {
            GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
            await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
            _ = Assert.Throws<InvalidOperationException>(() => vm.Uffd.WorkingSetOf(region));
            vm.Uffd.RecordWorkingSet(region);
            await vm.WriteAsync(region, touched);
            await vm.WriteAsync(region, touched);
            set = vm.Uffd.WorkingSetOf(region);
            // Let go of without the rest.
            await vm.Uffd.AbandonAsync().WaitAsync(LiveScene.Deadline);
        }

        Assert.Equal(touched, set.Pages);
        await using (EitherWorld vm = await EitherWorld.StartAsync(world))
        {
            GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
            await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
            BackgroundPush push = await vm.Uffd.PushAsync(region, source, new PrefetchOptions { Order = new RecordedOrder(set) });
            await push.WaitAsync().WaitAsync(LiveScene.Deadline);
            Assert.Equal((4, Pages - 4), (push.ReceivedPages, push.AbsentPages));
            Assert.All(touched, page => Assert.NotNull(vm.Word(region, page)));
            await vm.Uffd.AbandonAsync().WaitAsync(LiveScene.Deadline);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_source_that_answers_late_is_asked_for_a_window_ahead_and_pages_are_right_in_any_order(string world)
    {
        using ScriptedSource source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(
            world, config: Akka.Configuration.ConfigurationFactory.ParseString("uffd.push-chunk-pages = 4"));
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        using PageBytes bytes = new(Pages);
        Stack<(PageOrder Order, IPageReceiver Receiver)> held = new();
        int most = 0;
        int asked = 0;
        // The window doubles with each chunk that is filled: one, two, and then all eight are waited for. The newest is answered first.
        Queue<int> awaited = new([1, 2]);
        source.Script = (order, receiver) =>
        {
            held.Push((order, receiver));
            asked += order.Pages;
            most = Math.Max(most, held.Count);
            if (held.Count < (awaited.TryPeek(out int few) ? few : 8) && asked < Pages) return true;
            _ = awaited.TryDequeue(out _);
            while (held.TryPop(out (PageOrder Order, IPageReceiver Receiver) next)) bytes.Request(next.Order, next.Receiver);
            return true;
        };
        PrefetchOptions options = new() { Order = new BubbleOrder(), WindowBytes = 8 * 4 * 4096 };
        BackgroundPush push = await vm.Uffd.PushAsync(region, source, options);
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal(8, most);
        Assert.All(Enumerable.Range(0, Pages), page => Assert.Equal(PageBytes.WordOf(page), vm.Word(region, page)));
    }

    [Fact]
    public async Task Options_out_of_range_are_refused()
    {
        using ScriptedSource source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync("model");
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        foreach (PrefetchOptions options in new PrefetchOptions[]
        {
            new() { BytesPerSecond = -1 }, new() { WindowBytes = -1 }, new() { WindowBytes = PrefetchOptions.MaxWindowBytes + 1 },
        })
            _ = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => vm.Uffd.PushAsync(region, source, options));
        await vm.Uffd.AbandonAsync();
    }
}
