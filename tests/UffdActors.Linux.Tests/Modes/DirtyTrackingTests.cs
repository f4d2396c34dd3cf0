using System.Collections.Concurrent;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.Guests;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>Asynchronous write protection: nobody waits, and what was written is found by PAGEMAP_SCAN.</summary>
public sealed class DirtyTrackingTests
{
    private const PagemapFlags Protected = PagemapFlags.Present | PagemapFlags.UffdWp;
    private const int TrackedPages = 80;
    private const PagemapFlags Marker = PagemapFlags.Swap | PagemapFlags.UffdWp;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [InlineData("model", null)]
    [InlineData("live", null)]
    [InlineData("model", "shmem")]
    [InlineData("live", "shmem")]
    public async Task What_was_written_is_taken_once_and_protected_again(string world, string? module)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        GuestRegion region = await vm.RegisterAsync(12, RegisterModes.WriteProtect, module);
        await vm.WriteAsync(region, 0, 1, 2, 3);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, 12)).IsDone);
        Assert.Equal([0, 1, 2, 3], vm.PagesWith(region, Protected));
        Assert.Equal([4, 5, 6, 7, 8, 9, 10, 11], vm.PagesWith(region, Marker));

        await vm.WriteAsync(region, 2, 3, 4, 9, 3);
        Assert.Equal([2, 3, 4, 9], vm.PagesWith(region, PagemapFlags.Present));
        Assert.Equal([new(3, 5)], await vm.Uffd.TakeWrittenAsync(region, 3, 4));
        Assert.Equal([new(2, 3), new(9, 10)], await vm.Uffd.TakeWrittenAsync(region, 0, 12));
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, 12));
        Assert.Equal([0, 1, 2, 3, 4, 9], vm.PagesWith(region, Protected));

        await vm.WriteAsync(region, 9);
        Assert.Equal([new(9, 10)], await vm.Uffd.TakeWrittenAsync(region, 0, 12));
        Assert.Equal(0, vm.Uffd.Faults);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task No_write_is_lost_between_finding_and_protecting(string world)
    {
        const int Pages = 64;
        const int Vcpus = 4;
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.WriteProtect);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        VcpuGroup vcpus = await vm.Vm.StartVcpusAsync([.. Enumerable.Range(0, Vcpus).Select(i => Steps.Random(i, Pages, 4000))]);
        Task done = vcpus.WaitAsync();

        // A copy that is kept up to date by what is found only; at the end it must be the memory.
        var copy = new ulong[Vcpus, Pages];
        int found;
        bool wasDone;
        do
        {
            wasDone = done.IsCompleted;
            found = 0;
            foreach (PageRange range in await vm.Uffd.TakeWrittenAsync(region, 0, Pages).WaitAsync(LiveScene.Deadline))
            {
                for (long page = range.Start; page < range.End; page++, found++)
                {
                    for (int i = 0; i < Vcpus; i++) copy[i, page] = vm.Word(region, page, GuestLayout.LaneOf(i))!.Value;
                }
            }
        }
        while (!wasDone);

        await done.WaitAsync(LiveScene.Deadline);
        for (int page = 0; page < Pages; page++)
        {
            for (int i = 0; i < Vcpus; i++) Assert.Equal(vm.Word(region, page, GuestLayout.LaneOf(i)) ?? 0, copy[i, page]);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task More_ranges_than_one_call_returns_come_all(string world)
    {
        const int Pages = 1200;
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.WriteProtect);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        long[] even = [.. Enumerable.Range(0, Pages / 2).Select(i => 2L * i)];

        await vm.WriteAsync(region, even);

        Assert.Equal(even.Select(p => new PageRange(p, p + 1)), await vm.Uffd.TakeWrittenAsync(region, 0, Pages));
    }

    [SkippableTheory]
    [InlineData("model", RegisterModes.WriteProtect)]
    [InlineData("live", RegisterModes.WriteProtect)]
    [InlineData("model", RegisterModes.Missing | RegisterModes.WriteProtect)]
    [InlineData("live", RegisterModes.Missing | RegisterModes.WriteProtect)]
    public async Task Shared_memory_that_was_removed_is_taken_once_as_if_it_had_been_written(string world, RegisterModes modes)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        GuestRegion region = await WrittenAsync(vm, modes, "shmem");

        await vm.Vm.AdviseAsync(region, 8, 8, Advice.Remove);

        // In parts: what is not asked for stays to be taken.
        Assert.Equal([new(8, 10)], await vm.Uffd.TakeWrittenAsync(region, 0, 10));
        Assert.Equal([new(10, 16)], await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));

        // Beside writes, and again.
        await vm.Vm.AdviseAsync(region, 4, 1, Advice.Remove);
        await vm.Vm.AdviseAsync(region, 70, 4, Advice.Remove);
        await vm.WriteAsync(region, 0, 1, 74);
        Assert.Equal([new(0, 2), new(4, 5), new(70, 75)], await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Shared_memory_that_has_only_left_the_mapping_keeps_its_content_and_is_not_taken(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        GuestRegion region = await WrittenAsync(vm, RegisterModes.WriteProtect, "shmem");

        await vm.Vm.AdviseAsync(region, 8, 8, Advice.DontNeed);

        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Private_memory_that_was_given_back_is_taken_although_it_was_filled_with_zeros_since(string world)
    {
        using PageBytes zeros = new(TrackedPages) { IsZero = true };
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        GuestRegion region = await WrittenAsync(vm, RegisterModes.Missing | RegisterModes.WriteProtect, null);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = zeros });

        await vm.Vm.AdviseAsync(region, 8, 8, Advice.DontNeed);
        VcpuGroup reads = await vm.StartAsync(region, isWrite: false, 8, 9, 15);
        await reads.WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal([new(8, 16)], await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Private_memory_that_was_given_back_is_taken_once_where_events_come_too(string world)
    {
        using PageBytes zeros = new(TrackedPages) { IsZero = true };
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync | UffdFeatures.EventRemove);
        GuestRegion region = await WrittenAsync(vm, RegisterModes.Missing | RegisterModes.WriteProtect, null);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = zeros });

        await vm.Vm.AdviseAsync(region, 8, 8, Advice.DontNeed);
        await (await vm.StartAsync(region, isWrite: false, 8, 9, 15)).WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal([new(8, 16)], await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
    }

    /// <summary>World, modes, and events: memory that is filled through the cache, and that a page can leave without a trace.</summary>
    public static TheoryData<string, RegisterModes, UffdFeatures> Leaving
    {
        get
        {
            TheoryData<string, RegisterModes, UffdFeatures> cases = [];
            foreach (string world in new[] { "model", "live" })
            {
                foreach (UffdFeatures features in new[] { UffdFeatures.None, UffdFeatures.EventRemove })
                {
                    cases.Add(world, RegisterModes.Missing | RegisterModes.WriteProtect, features);
                    cases.Add(world, RegisterModes.Minor | RegisterModes.WriteProtect, features);
                    cases.Add(world, RegisterModes.All, features);
                }
            }

            return cases;
        }
    }

    // What leaves the mapping, by DONTNEED or to swap, comes back by CONTINUE: protected as all that is filled, it would not be written.
    [SkippableTheory]
    [MemberData(nameof(Leaving))]
    public async Task What_was_written_is_taken_although_it_has_left_the_mapping_and_come_back(
        string world, RegisterModes modes, UffdFeatures features)
    {
        using PageBytes source = new(TrackedPages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync | features);
        GuestRegion region = await vm.RegisterAsync(TrackedPages, modes, "shmem");
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        await vm.WriteAsync(region, 3, 4);
        PageStateRange[] states =
        [
            new(0, 3, PageState.FromSource), new(3, 2, PageState.Written), new(5, TrackedPages - 5, PageState.FromSource),
        ];

        await vm.Vm.AdviseAsync(region, 0, TrackedPages, Advice.DontNeed);
        Assert.Equal(states, await vm.Uffd.PageStatesAsync(region, 0, TrackedPages));
        await (await vm.StartAsync(region, isWrite: false, 3, 5)).WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal(states, await vm.Uffd.PageStatesAsync(region, 0, TrackedPages));
        Assert.Equal([new(3, 5)], await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
    }

    [SkippableTheory]
    [MemberData(nameof(Leaving))]
    public async Task A_page_that_the_hook_has_seen_comes_back_open(string world, RegisterModes modes, UffdFeatures features)
    {
        using PageBytes source = new(TrackedPages);
        ConcurrentQueue<long> seen = [];
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated | features);
        GuestRegion region = await vm.RegisterAsync(TrackedPages, modes, "shmem");
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, BeforeWrite = (_, page) => seen.Enqueue(page) });
        await vm.WriteAsync(region, 3);
        await (await vm.StartAsync(region, isWrite: false, 4)).WaitAsync().WaitAsync(LiveScene.Deadline);

        await vm.Vm.AdviseAsync(region, 3, 2, Advice.DontNeed);
        await vm.WriteAsync(region, 3, 4);

        Assert.Equal([3, 4], seen);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task What_a_guest_gives_back_by_itself_is_taken_by_its_event(string world)
    {
        using PageBytes zeros = new(TrackedPages) { IsZero = true };
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync | UffdFeatures.EventRemove);
        GuestRegion region = await WrittenAsync(vm, RegisterModes.Missing | RegisterModes.WriteProtect, "shmem");
        await vm.Uffd.ServeAsync(new ServeOptions { Source = zeros });

        // Not through the facade, which would note it itself: as a thread of the guest does.
        await vm.Vm.Kernel.AdviseAsync(region, 8, 8, Advice.Remove, () => { }, CancellationToken.None).WaitAsync(LiveScene.Deadline);

        Assert.Equal([new(8, 16)], await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
    }

    [SkippableTheory]
    [InlineData("model", RegisterModes.WriteProtect)]
    [InlineData("live", RegisterModes.WriteProtect)]
    [InlineData("model", RegisterModes.Missing | RegisterModes.WriteProtect)]
    [InlineData("live", RegisterModes.Missing | RegisterModes.WriteProtect)]
    public async Task Shared_memory_of_which_an_event_tells_is_taken_only_if_it_has_lost_its_content(string world, RegisterModes modes)
    {
        using PageBytes zeros = new(TrackedPages) { IsZero = true };
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync | UffdFeatures.EventRemove);
        GuestRegion region = await WrittenAsync(vm, modes, "shmem");
        await vm.Uffd.ServeAsync(new ServeOptions { Source = zeros });

        // DONTNEED of shared memory announces what REMOVE does, and its pages stay; by the facade and by a guest.
        await AdviseAsGuestAsync(vm, region, 8, 8, Advice.DontNeed);
        await vm.Vm.AdviseAsync(region, 20, 4, Advice.DontNeed);
        await AdviseAsGuestAsync(vm, region, 30, 4, Advice.Remove);
        Assert.Equal([new(30, 34)], await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));

        // What is touched is there again as it was, and what is written is a change like any other.
        await (await vm.StartAsync(region, isWrite: false, 8, 9, 21)).WaitAsync().WaitAsync(LiveScene.Deadline);
        await vm.WriteAsync(region, 10);
        Assert.Equal([new(10, 11)], await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));

        // Removed after all, and filled again before anybody looks.
        await AdviseAsGuestAsync(vm, region, 40, 2, Advice.DontNeed);
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
        await AdviseAsGuestAsync(vm, region, 40, 2, Advice.Remove);
        await (await vm.StartAsync(region, isWrite: false, 40, 41)).WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal([new(40, 42)], await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
    }

    // Not through the facade, which would note it itself: as a thread of the guest does.
    private static Task AdviseAsGuestAsync(EitherWorld vm, GuestRegion region, long page, long pages, Advice advice) =>
        vm.Vm.Kernel.AdviseAsync(region, page, pages, advice, () => { }, CancellationToken.None).WaitAsync(LiveScene.Deadline);

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task What_was_removed_before_it_was_protected_does_not_count_and_a_refused_take_loses_nothing(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        GuestRegion region = await WrittenAsync(vm, RegisterModes.WriteProtect, "shmem");
        await vm.Vm.AdviseAsync(region, 8, 8, Advice.Remove);
        Assert.True((await vm.Uffd.ProtectAsync(region, 8, 4)).IsDone);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages, new CancellationToken(canceled: true)));

        Assert.Equal([new(12, 16)], await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Memory_whose_writes_are_waited_for_is_not_tracked(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(4, RegisterModes.WriteProtect);

        UffdException refused = await Assert.ThrowsAsync<UffdException>(() => vm.Uffd.TakeWrittenAsync(region, 0, 4));
        Assert.Equal(Errno.EPERM, refused.Error);
        Assert.Contains("WP_ASYNC", refused.Message, StringComparison.Ordinal);
    }

    // Every page is there, written, and protected since.
    private static async Task<GuestRegion> WrittenAsync(EitherWorld vm, RegisterModes modes, string? module)
    {
        GuestRegion region = await vm.MapAsync(TrackedPages, module);
        await vm.WriteAsync(region, [.. Enumerable.Range(0, TrackedPages).Select(page => (long)page)]);
        _ = await vm.Uffd.RegisterAsync(region, modes);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, TrackedPages)).IsDone);
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, TrackedPages));
        return region;
    }
}
