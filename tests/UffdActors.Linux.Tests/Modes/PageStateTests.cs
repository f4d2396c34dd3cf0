using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Operations.Maps;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>What has become of each page: a snapshot needs to tell what was given back from what was never fetched.</summary>
[Collection(Unmapping.Name)]
public sealed class PageStateTests
{
    private const int Pages = 16;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Removed_is_told_from_never_fetched_and_stays_so_when_it_is_read_again(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await ReadAsync(vm, region, 0, 1, 2, 3);

        // Two that were there, and two that never were.
        await vm.Vm.AdviseAsync(region, 2, 4, Advice.DontNeed);
        PageStateRange[] expected = [new(0, 2, PageState.FromSource), new(2, 4, PageState.Removed), new(6, 10, PageState.Absent)];
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 0, Pages));

        await ReadAsync(vm, region, 3, 4);
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 0, Pages));
        await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(
            [new(0, 2, PageState.FromSource), new(2, 4, PageState.Removed), new(6, 10, PageState.FromSource)],
            await vm.Uffd.PageStatesAsync(region, 0, Pages));
        Assert.Equal([new(3, 2, PageState.Removed)], await vm.Uffd.PageStatesAsync(region, 3, 2));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_guest_that_gives_back_by_itself_is_heard_before_the_answer(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing, "shmem");
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        for (int page = 0; page < Pages; page += 2)
        {
            await vm.Vm.Kernel.AdviseAsync(region, page, 1, Advice.Remove, () => { }, CancellationToken.None).WaitAsync(LiveScene.Deadline);
            Assert.Equal([new(page, 1, PageState.Removed)], await vm.Uffd.PageStatesAsync(region, page, 1));
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Zeros_of_the_source_are_told_from_bytes(string world)
    {
        using PageBytes source = new(Pages) { IsZero = true };
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await ReadAsync(vm, region, 5);

        Assert.Equal(
            [new(0, 5, PageState.Absent), new(5, 1, PageState.Zero), new(6, 10, PageState.Absent)],
            await vm.Uffd.PageStatesAsync(region, 0, Pages));
    }

    [SkippableTheory]
    [InlineData("model", UffdFeatures.None)]
    [InlineData("live", UffdFeatures.None)]
    [InlineData("model", UffdFeatures.WpAsync)]
    [InlineData("live", UffdFeatures.WpAsync)]
    public async Task Written_is_told_where_writes_are_watched_and_removing_ends_it(string world, UffdFeatures protection)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove | protection);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await ReadAsync(vm, region, 0, 1, 2, 3);
        await vm.WriteAsync(region, 2, 3, 4);

        Assert.Equal(
            [new(0, 2, PageState.FromSource), new(2, 3, PageState.Written), new(5, 11, PageState.Absent)],
            await vm.Uffd.PageStatesAsync(region, 0, Pages));
        if (protection == UffdFeatures.WpAsync)
        {
            // Protected again it is still not what the source has.
            Assert.NotEmpty(await vm.Uffd.TakeWrittenAsync(region, 0, Pages));
            Assert.Equal(
                [new(0, 2, PageState.FromSource), new(2, 3, PageState.Written), new(5, 11, PageState.Absent)],
                await vm.Uffd.PageStatesAsync(region, 0, Pages));
        }

        await vm.Vm.AdviseAsync(region, 3, 1, Advice.DontNeed);
        await ReadAsync(vm, region, 3);
        Assert.Equal(
            [new(2, 1, PageState.Written), new(3, 1, PageState.Removed), new(4, 1, PageState.Written)],
            await vm.Uffd.PageStatesAsync(region, 2, 3));
        await vm.WriteAsync(region, 3);
        Assert.Equal([new(2, 3, PageState.Written)], await vm.Uffd.PageStatesAsync(region, 2, 3));
    }

    [SkippableTheory]
    [InlineData("model", null)]
    [InlineData("live", null)]
    [InlineData("model", "shmem")]
    [InlineData("live", "shmem")]
    public async Task What_was_removed_is_not_taken_for_written_although_nothing_protects_it(string world, string? module)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect, module);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await ReadAsync(vm, region, 0, 1, 2, 3);

        // Two that were there, and two that never were.
        await vm.Vm.AdviseAsync(region, 2, 4, module is null ? Advice.DontNeed : Advice.Remove);

        PageStateRange[] expected = [new(0, 2, PageState.FromSource), new(2, 4, PageState.Removed), new(6, 10, PageState.Absent)];
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 0, Pages));
        await ReadAsync(vm, region, 3, 4);
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 0, Pages));
        await vm.WriteAsync(region, 4);
        expected = [new(3, 1, PageState.Removed), new(4, 1, PageState.Written), new(5, 1, PageState.Removed)];
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 3, 3));
    }

    [SkippableTheory]
    [InlineData("model", RegisterModes.Missing)]
    [InlineData("live", RegisterModes.Missing)]
    [InlineData("model", RegisterModes.Minor)]
    [InlineData("live", RegisterModes.Minor)]
    [InlineData("model", RegisterModes.Missing | RegisterModes.WriteProtect)]
    [InlineData("live", RegisterModes.Missing | RegisterModes.WriteProtect)]
    public async Task Shared_memory_that_has_only_left_the_mapping_has_not_been_removed(string world, RegisterModes modes)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove);
        GuestRegion region = await vm.RegisterAsync(Pages, modes, "shmem");
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await ReadAsync(vm, region, 0, 1, 2, 3);

        await vm.Vm.AdviseAsync(region, 1, 1, Advice.DontNeed);
        await vm.Vm.AdviseAsync(region, 2, 1, Advice.Remove);

        PageStateRange[] expected =
            [new(0, 2, PageState.FromSource), new(2, 1, PageState.Removed), new(3, 1, PageState.FromSource), new(4, 12, PageState.Absent)];
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 0, Pages));
        await ReadAsync(vm, region, 1);
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 0, Pages));
        Assert.Equal(PageBytes.WordOf(1), vm.Word(region, 1));
    }

    /// <summary>At the old address of what the guest has moved there is nothing, or something else.</summary>
    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Parts_that_the_guest_has_moved_are_told_as_they_are_where_they_are_now(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemap | UffdFeatures.EventUnmap);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        GuestRegion spot = await vm.MapAsync(Pages);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await ReadAsync(vm, region, 1, 5, 7);
        await vm.WriteAsync(region, 2, 6);

        // Pages 4 to 7, to the places of pages 1 to 4.
        await MovedRegions.MoveAsync(vm, region, 4, 4, spot, 1).WaitAsync(LiveScene.Deadline);

        PageStateRange[] expected =
        [
            new(0, 1, PageState.Absent), new(1, 1, PageState.FromSource), new(2, 1, PageState.Written), new(3, 2, PageState.Absent),
            new(5, 1, PageState.FromSource), new(6, 1, PageState.Written), new(7, 1, PageState.FromSource),
            new(8, Pages - 8, PageState.Absent),
        ];
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 0, Pages));
        await vm.WriteAsync(spot, 2);
        Assert.Equal([new(4, 1, PageState.Absent), new(5, 2, PageState.Written)], await vm.Uffd.PageStatesAsync(region, 4, 3));
    }

    private static async Task ReadAsync(EitherWorld vm, GuestRegion region, params long[] pages)
    {
        VcpuGroup reads = await vm.StartAsync(region, isWrite: false, pages);
        await reads.WaitAsync().WaitAsync(LiveScene.Deadline);
    }
}
