using UffdActors.Calls;
using UffdActors.Linux.Live;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Worlds;
using static UffdActors.Linux.Tests.Modes.SliceScene;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>Calls over large ranges go in slices: faults are served between two of them, and the answer is that of a single call.</summary>
[Collection(nameof(SliceScene))]
public sealed class SliceTests
{
    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_demand_that_is_raised_during_a_large_protect_is_served_before_that_has_ended(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        List<PageRange> before = ServeBetween(vm, region, Pages - 1);

        Assert.Equal(new IoctlResult(Errno.None, null), await vm.Uffd.ProtectAsync(region, 0, Pages));

        Assert.True(before.Count >= 3, $"{before.Count} slices.");
        AssertCovered(before, Pages);
        Assert.Equal(PagemapFlags.Present | PagemapFlags.UffdWp, vm.Entries(region)[Pages - 1]);
        Assert.Equal(Pages - 1, vm.PagesWith(region, Marker).Count());
        Assert.Equal(new IoctlResult(Errno.None, null), await vm.Uffd.UnprotectAsync(region, 0, Pages));
        Assert.Equal([Pages - 1], vm.PagesWith(region, PagemapFlags.Present));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Advice_goes_in_slices_and_goes_on_behind_what_is_not_mapped(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.MapAsync(Pages);
        GuestRegion spot = await vm.MapAsync(8);
        List<PageRange> slices = [.. SlicedAdvice.Slices(region, new PageRange(3, Pages - 3))];
        AssertCovered([new(0, 3), .. slices, new(Pages - 3, Pages)], Pages);
        Assert.True(slices.Count >= 3, $"{slices.Count} slices.");
        Assert.All(slices, s => Assert.InRange(s.Count, 1, Slice));
        await vm.WriteAsync(region, 1, 5, 20, Slice + 1, Pages - 4, Pages - 1);
        await MovedRegions.MoveAsync(vm, region, 8, 4, spot, 1);

        UffdException refused = await Assert.ThrowsAsync<UffdException>(() => vm.Vm.AdviseAsync(region, 3, Pages - 6, Advice.DontNeed));

        // As one call: with everything behind the hole.
        Assert.Equal(Errno.ENOMEM, refused.Error);
        Assert.Equal([1, Pages - 1], vm.PagesWith(region, PagemapFlags.Present));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_page_that_is_demanded_during_a_large_move_is_where_the_move_ends(string world)
    {
        const int Demanded = Pages - 7;
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        GuestRegion staging = await vm.MapAsync(Pages);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.WriteAsync(staging, 0, Slice, Pages - 8, Pages - 1);
        List<PageRange> slices = ServeBetween(vm, region, Demanded);

        // As one call says it: so many bytes, and then a conflict, which a call that starts there names.
        IoctlResult moved = await vm.Uffd.MoveAsync(region, 0, staging, 0, Pages, MoveModes.AllowSourceHoles);
        Assert.Equal(new IoctlResult(Errno.EAGAIN, (long)Demanded << PageSize.BaseShift), moved);
        Assert.True(slices.Count >= 3, $"{slices.Count} slices.");
        Assert.Equal(
            new IoctlResult(Errno.EEXIST, -(long)Errno.EEXIST),
            await vm.Uffd.MoveAsync(region, Demanded, staging, Demanded, 7, MoveModes.AllowSourceHoles));
        Assert.Equal([0, Slice, Pages - 8, Demanded], vm.PagesWith(region, PagemapFlags.Present));
        Assert.Equal([Pages - 1], vm.PagesWith(staging, PagemapFlags.Present));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_large_unmap_goes_in_slices_and_the_region_is_gone_with_the_last(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventUnmap);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.WriteAsync(region, 0, Slice, Pages - 1);

        await vm.Vm.UnmapAsync(region).WaitAsync(LiveScene.Deadline);

        // Each slice waits until its event has been read, in a turn in which faults are served.
        Assert.InRange(vm.Uffd.Counts().Events, 3, 4);
        Assert.Equal(Pages, region.UnmappedPages);
        Assert.Empty(vm.Uffd.Reader!.View.Regions);
        await Assert.ThrowsAsync<InvalidOperationException>(() => vm.Vm.UnmapAsync(region));
        await vm.Uffd.CloseAsync();
    }

    [Fact]
    public async Task While_an_alias_is_allocated_in_the_model_a_demand_is_served()
    {
        using PageBytes source = new(4);
        await using EitherWorld vm = await EitherWorld.StartAsync("model");
        GuestRegion region = await vm.RegisterAsync(4, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        int slices = 0;
        ((ModelKernel)vm.Vm.Kernel).AfterSlice = async () =>
        {
            if (slices++ == 0) await vm.WriteAsync(region, 3);
        };

        GuestRegion large = await vm.MapAsync((16 << 20) >> PageSize.BaseShift, "shmem", withAlias: true);

        Assert.Equal(8, slices);
        Assert.Equal([3], vm.PagesWith(region, PagemapFlags.Present));
        Assert.Equal(0UL, vm.Word(large, large.Pages - 1));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_large_poison_reports_and_counts_what_all_slices_did(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        Assert.Equal(new IoctlResult(Errno.None, 4096), await vm.Uffd.PoisonAsync(region, Pages - 5, 1));

        Assert.Equal(new IoctlResult(Errno.EAGAIN, (Pages - 5L) << PageSize.BaseShift), await vm.Uffd.PoisonAsync(region, 0, Pages));
        Assert.Equal(Pages - 4, vm.Uffd.ReceivedOf(region).Count);
        Assert.Equal(new IoctlResult(Errno.None, 4 * 4096), await vm.Uffd.PoisonAsync(region, Pages - 4, 4));
        Assert.Equal(Pages, vm.PagesWith(region, PagemapFlags.Swap).Count());
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task States_are_told_slice_by_slice_each_after_every_event_has_been_read(string world)
    {
        const int Demanded = Pages - 7;
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.Vm.AdviseAsync(region, 1, 2, Advice.DontNeed);
        List<PageRange> slices = ServeBetween(vm, region, Demanded);
        Func<PageRange, Task> demand = vm.Uffd.Calls.AfterSlice!;
        vm.Uffd.Calls.AfterSlice = async slice =>
        {
            await demand(slice);
            if (slices.Count > 1) return;
            // In the slice that has been told, and in one that has not.
            await vm.Vm.AdviseAsync(region, 0, 1, Advice.DontNeed);
            await vm.Vm.AdviseAsync(region, Pages - 2, 1, Advice.DontNeed);
        };

        IReadOnlyList<PageStateRange> states = await vm.Uffd.PageStatesAsync(region, 0, Pages).WaitAsync(LiveScene.Deadline);

        Assert.True(slices.Count >= 3, $"{slices.Count} slices.");
        AssertCovered(slices, Pages);
        Assert.Equal(
            [
                new(0, 1, PageState.Absent), new(1, 2, PageState.Removed), new(3, Demanded - 3, PageState.Absent),
                new(Demanded, 1, PageState.FromSource), new(Demanded + 1, 4, PageState.Absent), new(Pages - 2, 1, PageState.Removed),
                new(Pages - 1, 1, PageState.Absent),
            ],
            states);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task States_that_are_asked_for_during_a_take_come_after_it_and_have_what_it_has_taken(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.WriteProtect);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        await vm.WriteAsync(region, 5, Pages - 1);
        List<PageRange> slices = [];
        Task<IReadOnlyList<PageStateRange>>? states = null;
        vm.Uffd.Calls.AfterSlice = slice =>
        {
            slices.Add(slice);
            states ??= vm.Uffd.PageStatesAsync(region, 0, Pages);
            return Task.CompletedTask;
        };

        Assert.Equal([new(5, 6), new(Pages - 1, Pages)], await vm.Uffd.TakeWrittenAsync(region, 0, Pages));
        IReadOnlyList<PageStateRange> told = await states!.WaitAsync(LiveScene.Deadline);

        int ofTake = slices.FindIndex(s => s.End == Pages) + 1;
        AssertCovered(slices[..ofTake], Pages);
        AssertCovered(slices[ofTake..], Pages);
        Assert.Equal(
            [
                new(0, 5, PageState.Absent), new(5, 1, PageState.Written), new(6, Pages - 7, PageState.Absent),
                new(Pages - 1, 1, PageState.Written),
            ],
            told);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task States_that_a_close_overtakes_between_two_slices_or_that_are_given_up_end(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        using CancellationTokenSource cancel = new();
        vm.Uffd.Calls.AfterSlice = _ => cancel.CancelAsync();
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => vm.Uffd.PageStatesAsync(region, 0, Pages, cancel.Token));
        vm.Uffd.Calls.AfterSlice = _ => vm.Uffd.AbandonAsync(AbsentPages.ReadAsZeros);

        await Assert.ThrowsAsync<ObjectDisposedException>(() =>
            vm.Uffd.PageStatesAsync(region, 0, Pages).WaitAsync(LiveScene.Deadline));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task What_was_written_is_one_range_wherever_it_is_cut(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.WriteProtect);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        List<PageRange> slices = [];
        vm.Uffd.Calls.AfterSlice = slice =>
        {
            slices.Add(slice);
            return Task.CompletedTask;
        };
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, Pages));
        AssertCovered(slices, Pages);
        long cut = slices[0].End;

        await vm.WriteAsync(region, cut - 2, cut - 1, cut, cut + 1, Pages - 1);

        Assert.Equal([new(cut - 2, cut + 2), new(Pages - 1, Pages)], await vm.Uffd.TakeWrittenAsync(region, 0, Pages));
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, Pages));
    }

    [SkippableTheory]
    [InlineData("model", RegisterModes.WriteProtect)]
    [InlineData("live", RegisterModes.WriteProtect)]
    [InlineData("model", RegisterModes.WriteProtect | RegisterModes.Minor)]
    [InlineData("live", RegisterModes.WriteProtect | RegisterModes.Minor)]
    public async Task Unregistering_in_slices_lets_the_waiting_threads_of_every_slice_go(string world, RegisterModes modes)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.MapAsync(Pages, "shmem");
        // The first slice ends where the address space says, so page 0 is the one that it has for sure.
        await vm.WriteAsync(region, 0, Pages - 1);
        _ = await vm.Uffd.RegisterAsync(region, modes);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        VcpuGroup first = await vm.StartAsync(region, isWrite: true, 0);
        await vm.MessageAsync();
        VcpuGroup last = await vm.StartAsync(region, isWrite: true, Pages - 1);
        int slices = 0;
        vm.Uffd.Calls.AfterSlice = async _ =>
        {
            // Who waited in the first slice goes on with it, not with the last one.
            if (slices++ == 0) await first.WaitAsync().WaitAsync(LiveScene.Deadline);
        };

        await vm.Uffd.UnregisterAsync(region);

        await last.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.True(slices >= 3, $"{slices} slices.");
        Assert.Equal([0, Pages - 1], vm.PagesWith(region, PagemapFlags.Present));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task An_event_that_nobody_reads_ends_a_call_with_what_was_done(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated | UffdFeatures.EventRemove);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.WriteProtect);
        Task advice = Task.CompletedTask;
        long done = 0;
        vm.Uffd.Calls.AfterSlice = async slice =>
        {
            if (done > 0) return;
            done = slice.End;
            advice = vm.Vm.AdviseAsync(region, Pages - 1, 1, Advice.DontNeed);
            await vm.MessageAsync();
        };

        IoctlResult result = await vm.Uffd.ProtectAsync(region, 0, Pages);

        Assert.Equal(new IoctlResult(Errno.EAGAIN, done << PageSize.BaseShift), result);
        Assert.Equal(Enumerable.Range(0, (int)done), vm.PagesWith(region, Marker));
        await vm.Uffd.AbandonAsync();
        await advice.WaitAsync(LiveScene.Deadline);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Where_events_are_read_a_slice_that_met_one_is_made_again(string world)
    {
        // Longer than it is asked again at once.
        const int Refusals = 11;
        using PageBytes source = new(1);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        List<PageRange> called = [];

        IoctlResult result = await vm.Uffd.Calls.RunAsync(
            "a call",
            region,
            new RangeSlices(region, new PageRange(0, Pages), counts: true),
            (slice, _) =>
            {
                called.Add(slice);
                bool isRefused = called.Count is > 1 and <= Refusals + 1;
                return Task.FromResult(
                    isRefused
                        ? new IoctlResult(Errno.EAGAIN, -(long)Errno.EAGAIN)
                        : new IoctlResult(Errno.None, slice.Count << PageSize.BaseShift));
            },
            CancellationToken.None);

        Assert.Equal(new IoctlResult(Errno.None, (long)region.Bytes), result);
        Assert.Single(called[1..(Refusals + 2)].Distinct());
        AssertCovered([.. called.Distinct()], Pages);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Two_calls_on_one_range_follow_each_other(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.WriteProtect);
        List<PageRange> slices = [];
        TaskCompletionSource bothBegun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        vm.Uffd.Calls.AfterSlice = slice =>
        {
            slices.Add(slice);
            return bothBegun.Task;
        };

        Task<IoctlResult> protect = vm.Uffd.ProtectAsync(region, 0, Pages);
        using CancellationTokenSource givesUp = new();
        Task<IoctlResult> givenUp = vm.Uffd.UnprotectAsync(region, 0, 1, givesUp.Token);
        Task<IoctlResult> clear = vm.Uffd.UnprotectAsync(region, Slice, Pages - Slice);
        await givesUp.CancelAsync();
        bothBegun.SetResult();

        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => givenUp);
        Assert.True((await protect).IsDone && (await clear).IsDone);
        Assert.Equal(Enumerable.Range(0, Slice), vm.PagesWith(region, Marker));
        int ofFirst = slices.FindIndex(s => s.End == Pages) + 1;
        AssertCovered(slices[..ofFirst], Pages);
        Assert.Equal((Slice, Pages), (slices[ofFirst].Start, slices[^1].End));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_hole_as_large_as_slices_is_passed_over_as_a_single_call_does(string world)
    {
        const int Large = 5 * Slice;
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated);
        GuestRegion region = await vm.RegisterAsync(Large, RegisterModes.WriteProtect);
        PageRange hole = new(Slice + 7, (4 * Slice) - 3);
        await UnmapAsync(vm, region, hole);

        Assert.Equal(new IoctlResult(Errno.None, null), await vm.Uffd.ProtectAsync(region, 0, Large));
        Assert.Equal(Large - hole.Count, vm.PagesWith(region, Marker).Count());
        await vm.Uffd.UnregisterAsync(region);
        Assert.Empty(vm.PagesWith(region, Marker));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_part_that_is_not_registered_ends_a_call_with_what_lies_before_it_done(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.WriteProtect);
        PageRange part = new(Pages - 9, Pages - 5);
        Assert.True((await vm.Uffd.Kernel.UnregisterAsync(region, part, RegisterModes.WriteProtect, CancellationToken.None)).IsDone);

        IoctlResult result = await vm.Uffd.ProtectAsync(region, 0, Pages);

        Assert.Equal(Errno.ENOENT, result.Error);
        Assert.True(
            result.BytesDone >= RangeSlices.Bytes && result.BytesDone <= part.Start << PageSize.BaseShift, $"{result.BytesDone} bytes.");
        Assert.Equal(Enumerable.Range(0, (int)part.Start), vm.PagesWith(region, Marker));
    }

    private static async Task UnmapAsync(EitherWorld vm, GuestRegion region, PageRange hole)
    {
        if (vm.Vm.Kernel is ModelKernel model)
        {
            UnmapMemory call = new(model.Main, region.AddressOf(hole.Start), (ulong)hole.Count << PageSize.BaseShift);
            Assert.Equal(Errno.None, await model.TryCallAsync("munmap", call, c => c.Error, CancellationToken.None));
        }
        else
        {
            GuestMemory memory = ((LiveKernel)vm.Vm.Kernel).MemoryOf(region).Guest;
            Assert.Equal(Errno.None, memory.Unmap(hole.Start << PageSize.BaseShift, hole.Count << PageSize.BaseShift));
        }
    }

    /// <summary>After the first slice a vCPU reads a page that is absent, and the next slice comes when it has got it.</summary>
    private static List<PageRange> ServeBetween(EitherWorld vm, GuestRegion region, long page)
    {
        List<PageRange> slices = [];
        vm.Uffd.Calls.AfterSlice = async slice =>
        {
            slices.Add(slice);
            if (slices.Count > 1) return;
            VcpuGroup demand = await vm.StartAsync(region, isWrite: false, page);
            await demand.WaitAsync().WaitAsync(LiveScene.Deadline);
            Assert.Equal(PageBytes.WordOf(page), vm.Word(region, page));
        };
        return slices;
    }
}
