using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations.Maps;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>Regions come and go while others are served, and parts of them are unregistered.</summary>
public sealed class WhileServingTests
{
    private const int Pages = 64;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    public static TheoryData<string, RegisterModes> WorldsAndModes
    {
        get
        {
            TheoryData<string, RegisterModes> cases = [];
            foreach (string world in new[] { "model", "live" })
            {
                cases.Add(world, RegisterModes.Missing);
                cases.Add(world, RegisterModes.Minor);
            }

            return cases;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(WorldsAndModes))]
    public async Task A_region_that_is_mapped_and_registered_while_serving_is_served(string world, RegisterModes modes)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion first = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        using PageBytes source = new(Pages);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        // Under faults of the other one, that wait for nothing of this.
        Task under = vm.WriteAsync(first, [.. Enumerable.Range(0, Pages).Select(p => (long)p)]);

        GuestRegion second = await vm.RegisterAsync(Pages, modes, modes == RegisterModes.Minor ? "shmem" : null);
        await vm.WriteAsync(second, 3);
        await (await vm.Uffd.PushAsync(second, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        await under;

        Assert.Equal(PageBytes.WordOf(3), vm.Word(second, 3, 8));
        Assert.Equal(PageBytes.WordOf(Pages - 1), vm.Word(second, Pages - 1, 8));
        Assert.Equal(Pages, vm.Uffd.ReceivedOf(second).Count);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_region_goes_while_vCPUs_fault_on_another_one_and_its_place_is_the_next_ones(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion stays = await vm.RegisterAsync(1024, RegisterModes.Missing);
        using PageBytes source = new(1024);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup guest = await vm.StartAsync(stays, isWrite: true, [.. Enumerable.Range(0, 1024).Select(p => (long)p)]);

        for (int round = 0; round < 8; round++)
        {
            // The kernel gives the address of the one before again.
            GuestRegion goes = await vm.RegisterAsync(Pages, RegisterModes.Missing);
            await (await vm.Uffd.PushAsync(goes, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
            await vm.WriteAsync(goes, 1);
            Assert.Equal(PageBytes.WordOf(1), vm.Word(goes, 1, 8));
            await vm.Uffd.UnregisterAsync(goes);
            await vm.Vm.UnmapAsync(goes).WaitAsync(LiveScene.Deadline);
        }

        await guest.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Null(guest.Error);
        // A thread goes on as soon as its page is there, and that it is there is noted after that: behind this call it has been.
        _ = await vm.Uffd.PageStatesAsync(stays, 0, 1024);
        Assert.Equal(1024, vm.Uffd.ReceivedOf(stays).Count);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task What_serving_would_have_refused_is_refused_while_serving_and_leaves_nothing_registered(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        _ = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        using PageBytes source = new(Pages);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        GuestRegion holes = await vm.MapAsync(Pages, "shmem");

        InvalidOperationException refused =
            await Assert.ThrowsAsync<InvalidOperationException>(() => vm.Uffd.RegisterAsync(holes, RegisterModes.Minor));
        Assert.Contains("would be read as zeros", refused.Message, StringComparison.Ordinal);
        UffdException none = await Assert.ThrowsAsync<UffdException>(() => vm.Uffd.RegisterAsync(holes, RegisterModes.None));
        Assert.Equal(Errno.EINVAL, none.Error);

        // Nobody waits for its faults: it is memory as any other, and can still be registered as it should.
        await vm.WriteAsync(holes, 0);
        Assert.Equal(0ul, vm.Word(holes, 0, 8));
        _ = await vm.Uffd.RegisterAsync(holes, RegisterModes.Missing | RegisterModes.Minor);
        await vm.WriteAsync(holes, 1);
        Assert.Equal(PageBytes.WordOf(1), vm.Word(holes, 1, 8));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_part_is_unregistered_when_it_is_there_and_the_rest_is_served_on(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        using PageBytes source = new(Pages);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.WriteAsync(region, 8, 9, 10);

        InvalidOperationException absent =
            await Assert.ThrowsAsync<InvalidOperationException>(() => vm.Uffd.UnregisterAsync(region, 8, 4));
        Assert.Contains($"Region {region.Id} lacks 1 of 4 pages", absent.Message, StringComparison.Ordinal);
        await vm.Uffd.UnregisterAsync(region, 8, 3);
        await vm.Uffd.UnregisterAsync(region, 9, 1);

        // Their content stays, and is read where it is; what goes there goes to nobody.
        Assert.Equal(PageBytes.WordOf(9), vm.Word(region, 9, 8));
        long faults = vm.Uffd.Faults;
        await vm.Vm.AdviseAsync(region, 9, 1, Advice.DontNeed);
        await vm.WriteAsync(region, 9);
        Assert.Equal((0ul, faults), (vm.Word(region, 9, 8), vm.Uffd.Faults));
        await vm.WriteAsync(region, 7, 11);
        Assert.Equal(faults + 2, vm.Uffd.Faults);
        await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(PageBytes.WordOf(Pages - 1), vm.Word(region, Pages - 1, 8));

        // Piece by piece it is as unregistered as in one call, and can be registered again.
        await vm.Uffd.UnregisterAsync(region, 0, 8);
        await vm.Uffd.UnregisterAsync(region, 11, Pages - 11);
        _ = Assert.Throws<ArgumentException>(() => vm.Uffd.ReceivedOf(region));
        _ = await vm.Uffd.RegisterAsync(region, RegisterModes.Missing);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_part_that_was_unregistered_before_serving_is_not_served(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        await vm.Uffd.UnregisterAsync(region, 4, 4);
        await vm.WriteAsync(region, 5);
        Assert.DoesNotContain(await vm.Uffd.TakeWrittenAsync(region, 0, Pages), r => r.Intersects(new PageRange(4, 8)));
        using PageBytes source = new(Pages);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.WriteAsync(region, 3, 6, 8);
        Assert.Equal(
            (PageBytes.WordOf(3), 0ul, PageBytes.WordOf(8)), (vm.Word(region, 3, 8), vm.Word(region, 6, 8), vm.Word(region, 8, 8)));
        Assert.Equal(2, vm.Uffd.Faults);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Writers_of_a_part_that_is_unregistered_go_on_and_those_of_the_rest_wait(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.MapAsync(Pages);
        await vm.WriteAsync(region, [.. Enumerable.Range(0, Pages).Select(p => (long)p)]);
        _ = await vm.Uffd.RegisterAsync(region, RegisterModes.WriteProtect);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        VcpuGroup first = await vm.StartAsync(region, isWrite: true, 2);
        await vm.MessageAsync();
        VcpuGroup second = await vm.StartAsync(region, isWrite: true, 40);

        await vm.Uffd.UnregisterAsync(region, 0, 16);

        await first.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(0, second.Accesses);
        Assert.Equal(Errno.ENOENT, (await vm.Uffd.ProtectAsync(region, 0, Pages)).Error);
        Assert.True((await vm.Uffd.UnprotectAsync(region, 16, Pages - 16)).IsDone);
        await second.WaitAsync().WaitAsync(LiveScene.Deadline);
    }

    [Fact]
    public async Task Parts_of_huge_pages_are_refused_before_anything_is_changed()
    {
        await using EitherWorld vm = await EitherWorld.StartAsync("model");
        GuestRegion region = await vm.RegisterAsync(1024, RegisterModes.Missing, "hugetlb");
        ArgumentException refused = await Assert.ThrowsAsync<ArgumentException>(() => vm.Uffd.UnregisterAsync(region, 0, 256));
        Assert.Contains("use multiples of 512", refused.Message, StringComparison.Ordinal);
        await vm.Uffd.UnregisterAsync(region, 512, 512);
    }
}
