using UffdActors.Calls;
using UffdActors.Linux.Live;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Tests.Live;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Worlds;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>Calls over large ranges go in slices: faults are served between two of them, and the answer is that of a single call.</summary>
public sealed class SliceTests
{
    private const int Slice = RangeSlices.Bytes >> PageSize.BaseShift;
    private const int Pages = 3 * Slice;
    private const PagemapFlags Marker = PagemapFlags.Swap | PagemapFlags.UffdWp;

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

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Before_a_close_large_protected_memory_is_unregistered_in_slices_and_a_demand_elsewhere_is_served(string world)
    {
        using PageBytes source = new(4);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.WriteProtect);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        Userfault other = await vm.Vm.OpenAsync();
        GuestRegion elsewhere = await vm.MapAsync(4);
        _ = await other.RegisterAsync(elsewhere, RegisterModes.Missing);
        await other.ServeAsync(new ServeOptions { Source = source });
        List<PageRange> slices = [];
        int marked = Pages;
        vm.Uffd.Calls.AfterSlice = async slice =>
        {
            slices.Add(slice);
            if (slices.Count > 1) return;
            marked = vm.PagesWith(region, Marker).Count();
            await vm.WriteAsync(elsewhere, 3);
        };

        await vm.Uffd.CloseAsync().WaitAsync(LiveScene.Deadline);

        Assert.True(slices.Count >= 3, $"{slices.Count} slices.");
        AssertCovered(slices, Pages);
        Assert.Equal(Pages - slices[0].Count, marked);
        Assert.Empty(vm.PagesWith(region, Marker));
        Assert.Equal([3], vm.PagesWith(elsewhere, PagemapFlags.Present));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => vm.Uffd.ProtectAsync(region, 0, 1));
        await other.AbandonAsync();
    }

    [SkippableTheory]
    [InlineData("model", "abandon")]
    [InlineData("live", "abandon")]
    [InlineData("model", "dispose")]
    [InlineData("live", "dispose")]
    public async Task Large_protected_memory_that_is_given_up_with_its_guest_is_unregistered_in_slices_too(string world, string end)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        // The guest is the VM's own, so nothing has to stay open for it.
        await vm.WriteAsync(region, 5);
        List<PageRange> slices = [];
        vm.Uffd.Calls.AfterSlice = slice =>
        {
            slices.Add(slice);
            return Task.CompletedTask;
        };

        await (end == "abandon" ? vm.Uffd.AbandonAsync() : vm.Vm.DisposeAsync().AsTask()).WaitAsync(LiveScene.Deadline);

        Assert.True(slices.Count >= 3, $"{slices.Count} slices.");
        AssertCovered(slices, Pages);
        Assert.False(vm.Vm.Incidents.TryReadOther(out Incident? incident), incident?.Message);
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_has_to_stay_open_for_a_thread_that_waits_keeps_all_of_its_registration(bool served)
    {
        using PageBytes source = new(Pages) { Withholds = true };
        await using EitherWorld vm = await EitherWorld.StartAsync("live", UffdFeatures.WpUnpopulated);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        if (served) await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        // So that the guest would be the VM's own, were it not for the other thread.
        await vm.WriteAsync(await vm.MapAsync(1), 0);
        Task<Errno> waits = KernelRead.Start(region.AddressOf(Pages - 1));
        UffdDescriptor left = ((LiveUserfault)vm.Uffd.Kernel).Uffd;
        await LiveScene.UntilAsync(() => left.ReadFdInfo().Total == 1);
        List<PageRange> slices = [];
        vm.Uffd.Calls.AfterSlice = slice =>
        {
            slices.Add(slice);
            return Task.CompletedTask;
        };

        await vm.Uffd.AbandonAsync().WaitAsync(LiveScene.Deadline);

        Assert.Empty(slices);
        Assert.Equal(IncidentKind.DescriptorLeftOpen, (await vm.Vm.Incidents.ReadOtherAsync()).Kind);
        Assert.Equal(Pages, vm.PagesWith(region, Marker).Count());
        Assert.False(waits.IsCompleted);
        await vm.Vm.DisposeAsync();
        LeftOpen.LetGo(left);
        left.Dispose();
        Assert.Equal(Errno.None, await waits.WaitAsync(LiveScene.Deadline));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_call_that_a_close_overtakes_between_two_slices_is_told_that_it_is_closed(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.WriteProtect);
        int calls = 0;
        Task close = Task.CompletedTask;
        TaskCompletionSource unregistered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        vm.Uffd.Calls.AfterSlice = async slice =>
        {
            if (calls++ == 0)
            {
                close = vm.Uffd.CloseAsync();
                await unregistered.Task.WaitAsync(LiveScene.Deadline);
            }
            else if (slice.End == Pages)
            {
                unregistered.SetResult();
            }
        };

        await Assert.ThrowsAsync<ObjectDisposedException>(() => vm.Uffd.TakeWrittenAsync(region, 0, Pages));

        await close.WaitAsync(LiveScene.Deadline);
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
    public async Task A_call_that_is_cancelled_between_two_slices_says_what_was_done_and_can_be_finished(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.WriteProtect);
        using CancellationTokenSource protect = new();
        long done = 0;
        vm.Uffd.Calls.AfterSlice = async slice =>
        {
            done = slice.End;
            await protect.CancelAsync();
        };

        CallCancelledException cancelled =
            await Assert.ThrowsAsync<CallCancelledException>(() => vm.Uffd.ProtectAsync(region, 0, Pages, protect.Token));
        Assert.Equal(done << PageSize.BaseShift, cancelled.BytesDone);
        Assert.Contains(
            $"UFFDIO_WRITEPROTECT of region {region.Id} was cancelled when {cancelled.BytesDone} of {(long)region.Bytes} bytes were done",
            cancelled.Message, StringComparison.Ordinal);
        Incident incident = await vm.Vm.Incidents.ReadOtherAsync();
        Assert.Equal((IncidentKind.CancelledCallEnded, cancelled.Message), (incident.Kind, incident.Message));
        Assert.Equal(Enumerable.Range(0, (int)done), vm.PagesWith(region, Marker));

        // What was unregistered has no protection any more; the region is registered until all of it is not.
        vm.Uffd.Calls.AfterSlice = null;
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        using CancellationTokenSource unregister = new();
        vm.Uffd.Calls.AfterSlice = _ => unregister.CancelAsync();
        cancelled = await Assert.ThrowsAsync<CallCancelledException>(() => vm.Uffd.UnregisterAsync(region, unregister.Token));
        Assert.Equal(done << PageSize.BaseShift, cancelled.BytesDone);
        vm.Uffd.Calls.AfterSlice = null;
        Assert.Equal(Pages - done, vm.PagesWith(region, Marker).Count());
        Assert.Equal(Errno.ENOENT, (await vm.Uffd.ProtectAsync(region, 0, Pages)).Error);
        Assert.True((await vm.Uffd.ProtectAsync(region, done, Pages - done)).IsDone);
        await vm.Uffd.UnregisterAsync(region);
        Assert.Empty(vm.PagesWith(region, Marker));
        await Assert.ThrowsAsync<ArgumentException>(() => vm.Uffd.ProtectAsync(region, 0, Pages));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Unprotecting_that_is_cancelled_between_two_slices_leaves_the_rest_protected_and_can_be_finished(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.WriteProtect);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);

        long done = await CancelledAsync(vm, "UFFDIO_WRITEPROTECT", token => vm.Uffd.UnprotectAsync(region, 0, Pages, token));

        Assert.Equal(Enumerable.Range((int)done, (int)(Pages - done)), vm.PagesWith(region, Marker));
        Assert.True((await vm.Uffd.UnprotectAsync(region, done, Pages - done)).IsDone);
        Assert.Empty(vm.PagesWith(region, Marker));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_move_that_is_cancelled_between_two_slices_leaves_the_rest_where_it_was_and_can_be_finished(string world)
    {
        // What a machine of the model has pages for.
        const int Moved = Slice + 8;
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Moved, RegisterModes.Missing);
        GuestRegion staging = await vm.MapAsync(Moved);
        await vm.WriteAsync(staging, [.. Enumerable.Range(0, Moved).Select(p => (long)p)]);

        long done = await CancelledAsync(
            vm, "UFFDIO_MOVE", token => vm.Uffd.MoveAsync(region, 0, staging, 0, Moved, MoveModes.None, token));

        Assert.Equal(Enumerable.Range(0, (int)done), vm.PagesWith(region, PagemapFlags.Present));
        Assert.Equal(Enumerable.Range((int)done, (int)(Moved - done)), vm.PagesWith(staging, PagemapFlags.Present));
        Assert.Equal(done, vm.Uffd.ReceivedOf(region).Count);
        Assert.True((await vm.Uffd.MoveAsync(region, done, staging, done, Moved - done)).IsDone);
        Assert.Equal(Moved, vm.Uffd.ReceivedOf(region).Count);
        Assert.Empty(vm.PagesWith(staging, PagemapFlags.Present));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Poisoning_that_is_cancelled_between_two_slices_counts_what_was_done_and_can_be_finished(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);

        long done = await CancelledAsync(vm, "UFFDIO_POISON", token => vm.Uffd.PoisonAsync(region, 0, Pages, token));

        Assert.Equal(done, vm.Uffd.ReceivedOf(region).Count);
        Assert.Equal(Enumerable.Range(0, (int)done), vm.PagesWith(region, PagemapFlags.Swap));
        Assert.True((await vm.Uffd.PoisonAsync(region, done, Pages - done)).IsDone);
        Assert.Equal(Pages, vm.Uffd.ReceivedOf(region).Count);
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

    private static void AssertCovered(List<PageRange> slices, long pages)
    {
        Assert.Equal((0, pages), (slices[0].Start, slices[^1].End));
        for (int i = 1; i < slices.Count; i++) Assert.Equal(slices[i - 1].End, slices[i].Start);
        Assert.All(slices, s => Assert.InRange(s.Count, 1, Slice));
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

    /// <summary>A call that is cancelled behind its first slice.</summary>
    /// <returns>Base pages that were done.</returns>
    private static async Task<long> CancelledAsync(EitherWorld vm, string name, Func<CancellationToken, Task> call)
    {
        using CancellationTokenSource cancel = new();
        long done = 0;
        vm.Uffd.Calls.AfterSlice = async slice =>
        {
            done = slice.End;
            await cancel.CancelAsync();
        };
        CallCancelledException cancelled = await Assert.ThrowsAsync<CallCancelledException>(() => call(cancel.Token));
        vm.Uffd.Calls.AfterSlice = null;
        Assert.InRange(done, 1, Pages - 1);
        Assert.Equal(done << PageSize.BaseShift, cancelled.BytesDone);
        Assert.StartsWith(name, cancelled.Message, StringComparison.Ordinal);
        Incident incident = await vm.Vm.Incidents.ReadOtherAsync();
        Assert.Equal((IncidentKind.CancelledCallEnded, cancelled.Message), (incident.Kind, incident.Message));
        return done;
    }
}
