using System.Collections.Concurrent;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations.Maps;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>A fill never ends write protection, and a marker is never taken for a page.</summary>
public sealed class FilledProtectedTests
{
    private const int Pages = 256;
    private const PagemapFlags Protected = PagemapFlags.Present | PagemapFlags.UffdWp;
    private const PagemapFlags Marker = PagemapFlags.Swap | PagemapFlags.UffdWp;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    /// <summary>World, memory, modes, and whether the source has zeros.</summary>
    public static TheoryData<string, string?, RegisterModes, bool> Cases
    {
        get
        {
            TheoryData<string, string?, RegisterModes, bool> cases = [];
            foreach (string world in new[] { "model", "live" })
            {
                foreach (bool isZero in new[] { false, true })
                {
                    cases.Add(world, null, RegisterModes.Missing | RegisterModes.WriteProtect, isZero);
                    cases.Add(world, "shmem", RegisterModes.Missing | RegisterModes.WriteProtect, isZero);
                    cases.Add(world, "shmem", RegisterModes.Minor | RegisterModes.WriteProtect, isZero);
                }
            }

            return cases;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public async Task Only_what_was_written_is_in_the_dirty_set_however_pages_were_filled(
        string world, string? module, RegisterModes modes, bool isZero)
    {
        using PageBytes source = new(Pages) { IsZero = isZero };
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        GuestRegion region =
            await vm.Vm.MapAsync(new RegionOptions { Pages = Pages, Module = module, WithAlias = (modes & RegisterModes.Minor) != 0 });
        _ = await vm.Uffd.RegisterAsync(region, modes);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });

        await (await vm.StartAsync(region, isWrite: false, Span(0, 128))).WaitAsync().WaitAsync(LiveScene.Deadline);
        await vm.WriteAsync(region, Span(128, 8));
        await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal([new PageRange(128, 136)], await vm.Uffd.TakeWrittenAsync(region, 0, Pages));
        Assert.Equal(Pages, vm.PagesWith(region, Protected).Count());
        Assert.Equal(isZero ? 0 : PageBytes.WordOf(200), vm.Word(region, 200));
        await vm.WriteAsync(region, 7, 200);
        Assert.Equal([new(7, 8), new(200, 201)], await vm.Uffd.TakeWrittenAsync(region, 0, Pages));
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public async Task The_hook_sees_a_page_that_was_filled_and_then_written(string world, string? module, RegisterModes modes, bool isZero)
    {
        using PageBytes source = new(8) { IsZero = isZero };
        ConcurrentQueue<(long Page, ulong? Before)> seen = new();
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated);
        GuestRegion region =
            await vm.Vm.MapAsync(new RegionOptions { Pages = 8, Module = module, WithAlias = (modes & RegisterModes.Minor) != 0 });
        _ = await vm.Uffd.RegisterAsync(region, modes);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, 8)).IsDone);
        await vm.Uffd.ServeAsync(
            new ServeOptions { Source = source, BeforeWrite = (_, page) => seen.Enqueue((page, vm.Word(region, page))) });

        await (await vm.StartAsync(region, isWrite: false, 1, 2)).WaitAsync().WaitAsync(LiveScene.Deadline);
        await vm.WriteAsync(region, 2, 5);
        await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        await vm.WriteAsync(region, 7);

        ulong Before(long page) => isZero ? 0 : PageBytes.WordOf(page);
        Assert.Equal([(2, Before(2)), (5, Before(5)), (7, Before(7))], seen);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task What_the_guest_gave_back_comes_protected_too(string world)
    {
        using PageBytes source = new(8);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync | UffdFeatures.EventRemove);
        GuestRegion region = await vm.RegisterAsync(8, RegisterModes.Missing | RegisterModes.WriteProtect);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.WriteAsync(region, 3);
        await vm.Vm.AdviseAsync(region, 3, 2, Advice.DontNeed);

        await (await vm.StartAsync(region, isWrite: false, 3, 4)).WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal([3, 4], vm.PagesWith(region, Protected));
        Assert.Equal<(ulong?, ulong?)>((0, 0), (vm.Word(region, 3), vm.Word(region, 4)));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Where_protection_was_ended_pages_come_open(string world)
    {
        using PageBytes source = new(Pages);
        ConcurrentQueue<long> seen = new();
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, BeforeWrite = (_, page) => seen.Enqueue(page) });
        Assert.True((await vm.Uffd.UnprotectAsync(region, 10, 100)).IsDone);

        await vm.WriteAsync(region, 9, 10, 50, 109, 110);
        await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal([9, 110], seen);
        Assert.Equal([9, .. Enumerable.Range(10, 100), 110], vm.PagesWith(region, PagemapFlags.Present));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Zeros_come_where_a_marker_was_and_the_push_counts_no_marker_as_a_page(string world)
    {
        using PageBytes source = new(8) { IsZero = true };
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated);
        GuestRegion region = await vm.RegisterAsync(8, RegisterModes.Missing | RegisterModes.WriteProtect);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, 8)).IsDone);
        Assert.Equal(8, vm.PagesWith(region, Marker).Count());
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });

        await vm.WriteAsync(region, 1);
        BackgroundPush push = await vm.Uffd.PushAsync(region, source);
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal((8, 7), (push.ReceivedPages, push.ZeroPages));
        Assert.Empty(vm.PagesWith(region, Marker));
        Assert.Equal(8, Enumerable.Range(0, 8).Count(p => vm.Word(region, p) is not null));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_marker_that_an_earlier_registration_has_left_is_no_page_either(string world)
    {
        using PageBytes source = new(8) { IsZero = true };
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated);
        GuestRegion region = await vm.RegisterAsync(8, RegisterModes.Missing | RegisterModes.WriteProtect);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, 8)).IsDone);
        // Replaces the modes, and leaves the markers (SEMANTICS 3.3.3).
        _ = await vm.Uffd.Kernel.RegisterAsync(region, RegisterModes.Missing, CancellationToken.None);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });

        BackgroundPush push = await vm.Uffd.PushAsync(region, source);
        VcpuGroup writes = await vm.StartAsync(region, isWrite: true, 0, 1, 2, 3);
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);
        await writes.WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal(8, Enumerable.Range(0, 8).Count(p => vm.Word(region, p) is not null));
    }

    private static long[] Span(int first, int count) => [.. Enumerable.Range(first, count).Select(i => (long)i)];
}
