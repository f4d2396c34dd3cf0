using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations.Maps;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>
/// What an event of removal has left of a page. The event does not say what the guest has done, nor what it does with the page afterwards;
/// and where MINOR is registered alone, the kernel fills what is gone without a word.
/// </summary>
[Collection(Unmapping.Name)]
public sealed class RemovedPageTests
{
    private const int Pages = 16;
    private const RegisterModes MissingWp = RegisterModes.Missing | RegisterModes.WriteProtect;
    private const RegisterModes MinorWp = RegisterModes.Minor | RegisterModes.WriteProtect;
    private const RegisterModes Both = RegisterModes.Missing | RegisterModes.Minor;

    public static TheoryData<string, string?, RegisterModes, UffdFeatures> Everywhere => Table([null, "shmem"]);

    public static TheoryData<string, string?, RegisterModes, UffdFeatures> Shared => Table(["shmem"]);

    [SkippableTheory]
    [MemberData(nameof(Everywhere))]
    public async Task What_was_removed_stays_so_when_it_is_read_and_is_written_when_it_is_written(
        string world, string? module, RegisterModes modes, UffdFeatures features)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove | features);
        GuestRegion region = await vm.RegisterAsync(Pages, modes, module);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await ReadAsync(vm, region, 0, 1, 2, 3);

        // Three that were there, and three that never were; of each the first is left alone, the second read, the third written.
        await vm.Vm.AdviseAsync(region, 1, 6, module is null ? Advice.DontNeed : Advice.Remove);
        await ReadAsync(vm, region, 2, 5);
        await vm.WriteAsync(region, 3, 6);

        PageStateRange[] expected =
        [
            new(0, 1, PageState.FromSource), new(1, 2, PageState.Removed), new(3, 1, PageState.Written), new(4, 2, PageState.Removed),
            new(6, 1, PageState.Written), new(7, Pages - 7, PageState.Absent),
        ];
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 0, Pages));
        Assert.Equal(0ul, vm.Word(region, 2));
        if (features != UffdFeatures.WpAsync) return;
        // Protected again each is still what it was.
        _ = await vm.Uffd.TakeWrittenAsync(region, 0, Pages);
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 0, Pages));
    }

    [SkippableTheory]
    [MemberData(nameof(Shared))]
    public async Task What_was_written_is_not_the_sources_because_it_has_left_the_mapping(
        string world, string? module, RegisterModes modes, UffdFeatures features)
    {
        bool isWatched = (modes & RegisterModes.WriteProtect) != 0;
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove | features);
        GuestRegion region = await vm.RegisterAsync(Pages, modes, module);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await ReadAsync(vm, region, 0, 1, 2, 3);
        await vm.WriteAsync(region, 2, 3);

        await vm.Vm.AdviseAsync(region, 1, 3, Advice.DontNeed);

        PageStateRange[] expected = isWatched
            ? [new(0, 2, PageState.FromSource), new(2, 2, PageState.Written), new(4, Pages - 4, PageState.Absent)]
            : [new(0, 4, PageState.FromSource), new(4, Pages - 4, PageState.Absent)];
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 0, Pages));
        await ReadAsync(vm, region, 1, 2);
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 0, Pages));
        if (features != UffdFeatures.WpAsync) return;
        _ = await vm.Uffd.TakeWrittenAsync(region, 0, Pages);
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 0, Pages));
    }

    [SkippableTheory]
    [MemberData(nameof(Shared))]
    public async Task What_was_written_where_the_guest_had_made_a_hole_is_written_whatever_leaves_the_mapping_later(
        string world, string? module, RegisterModes modes, UffdFeatures features)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove | features);
        GuestRegion region = await vm.RegisterAsync(Pages, modes, module);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await ReadAsync(vm, region, 0, 1);
        await vm.Vm.AdviseAsync(region, 1, 1, Advice.Remove);
        await vm.WriteAsync(region, 1);
        Assert.Equal([new(0, 1, PageState.FromSource), new(1, 1, PageState.Written)], await vm.Uffd.PageStatesAsync(region, 0, 2));
        // Nobody is heard of who touches a hole where MINOR alone is registered, so what has left the mapping there cannot be told.
        if ((modes & RegisterModes.Missing) == 0) return;

        await vm.Vm.AdviseAsync(region, 1, 1, Advice.DontNeed);

        Assert.Equal([new(1, 1, PageState.Written)], await vm.Uffd.PageStatesAsync(region, 1, 1));
        await ReadAsync(vm, region, 1);
        Assert.Equal([new(1, 1, PageState.Written)], await vm.Uffd.PageStatesAsync(region, 1, 1));
        await vm.Vm.AdviseAsync(region, 1, 1, Advice.Remove);
        Assert.Equal([new(1, 1, PageState.Removed)], await vm.Uffd.PageStatesAsync(region, 1, 1));
    }

    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public async Task What_is_opened_to_writers_and_only_read_after_its_removal_is_not_written(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove | UffdFeatures.WpAsync);
        GuestRegion region = await vm.RegisterAsync(Pages, MissingWp);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await ReadAsync(vm, region, 0, 1);
        Assert.True((await vm.Uffd.UnprotectAsync(region, 0, Pages)).IsDone);
        await vm.Vm.AdviseAsync(region, 0, 2, Advice.DontNeed);
        await ReadAsync(vm, region, 0);
        await vm.WriteAsync(region, 1);

        Assert.Equal([new(0, 1, PageState.Removed), new(1, 1, PageState.Written)], await vm.Uffd.PageStatesAsync(region, 0, 2));
    }

    /// <summary>The event is that of MADV_DONTNEED, but the page stays until its memory is wanted, and a write takes it back.</summary>
    [SkippableTheory]
    [InlineData("model", RegisterModes.Missing, UffdFeatures.None)]
    [InlineData("live", RegisterModes.Missing, UffdFeatures.None)]
    [InlineData("model", MissingWp, UffdFeatures.None)]
    [InlineData("live", MissingWp, UffdFeatures.None)]
    [InlineData("model", MissingWp, UffdFeatures.WpAsync)]
    [InlineData("live", MissingWp, UffdFeatures.WpAsync)]
    public async Task What_MADV_FREE_has_named_and_the_guest_has_written_since_is_written(
        string world, RegisterModes modes, UffdFeatures features)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove | features);
        GuestRegion region = await vm.RegisterAsync(Pages, modes);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.WriteAsync(region, 0, 1, 2, 3);
        await vm.Vm.AdviseAsync(region, 1, 2, Advice.Free);
        await vm.WriteAsync(region, 2);

        Assert.NotEqual(0ul, vm.Word(region, 2));
        Assert.Equal([new(2, 1, PageState.Written)], await vm.Uffd.PageStatesAsync(region, 2, 1));
        await vm.Vm.AdviseAsync(region, 2, 1, Advice.DontNeed);
        Assert.Equal([new(2, 1, PageState.Removed)], await vm.Uffd.PageStatesAsync(region, 2, 1));
        if (features != UffdFeatures.WpAsync) return;
        // Protected again it is still what it was.
        await vm.WriteAsync(region, 3);
        await vm.Vm.AdviseAsync(region, 3, 1, Advice.Free);
        await vm.WriteAsync(region, 3);
        _ = await vm.Uffd.TakeWrittenAsync(region, 0, Pages);
        Assert.Equal([new(3, 1, PageState.Written)], await vm.Uffd.PageStatesAsync(region, 3, 1));
    }

    [SkippableTheory]
    [InlineData("model", RegisterModes.Missing)]
    [InlineData("live", RegisterModes.Missing)]
    [InlineData("model", MissingWp)]
    [InlineData("live", MissingWp)]
    public async Task What_the_embedder_has_moved_in_is_neither_removed_nor_the_sources(string world, RegisterModes modes)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove);
        GuestRegion region = await vm.RegisterAsync(Pages, modes);
        GuestRegion staging = await vm.MapAsync(Pages);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.WriteAsync(staging, 0, 1, 3);
        await ReadAsync(vm, region, 0, 1, 2);
        await vm.Vm.AdviseAsync(region, 0, 3, Advice.DontNeed);

        Assert.True((await vm.Uffd.MoveAsync(region, 1, staging, 0, 1)).IsDone);
        Assert.True((await vm.Uffd.MoveAsync(region, 4, staging, 1, 3, MoveModes.AllowSourceHoles)).IsDone);

        PageStateRange[] expected =
        [
            new(0, 1, PageState.Removed), new(1, 1, PageState.Written), new(2, 1, PageState.Removed), new(3, 1, PageState.Absent),
            new(4, 1, PageState.Written), new(5, 1, PageState.Absent), new(6, 1, PageState.Written), new(7, Pages - 7, PageState.Absent),
        ];
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 0, Pages));
    }

    /// <summary>What is where parts of the region have been has nothing to do with it any more.</summary>
    [SkippableTheory]
    [InlineData("model", null)]
    [InlineData("live", null)]
    [InlineData("model", "shmem")]
    [InlineData("live", "shmem")]
    public async Task Parts_that_the_guest_has_moved_are_looked_at_where_they_are_now(string world, string? module)
    {
        const UffdFeatures Features =
            UffdFeatures.EventRemove | UffdFeatures.EventRemap | UffdFeatures.EventUnmap | UffdFeatures.WpAsync;
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, Features);
        GuestRegion region = await vm.RegisterAsync(Pages, MissingWp, module);
        GuestRegion spot = await vm.MapAsync(Pages);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await ReadAsync(vm, region, 4, 5, 6, 7);
        await vm.Vm.AdviseAsync(region, 5, 2, module is null ? Advice.DontNeed : Advice.Remove);
        await vm.WriteAsync(region, 6);
        await MovedRegions.MoveAsync(vm, region, 4, 4, spot, 1).WaitAsync(LiveScene.Deadline);

        PageStateRange[] expected =
            [new(4, 1, PageState.FromSource), new(5, 1, PageState.Removed), new(6, 1, PageState.Written), new(7, 1, PageState.FromSource)];
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 4, 4));
        Assert.Equal(PageBytes.WordOf(4), vm.Word(region, 4));
        // Pages 5 and 7 are written at their new place.
        await vm.WriteAsync(spot, 2, 4);
        IReadOnlyList<PageRange> written = await vm.Uffd.TakeWrittenAsync(region, 4, 4);
        Assert.Equal([new PageRange(5, 8)], written);
        expected = [new(4, 1, PageState.FromSource), new(5, 3, PageState.Written)];
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 4, 4));
        // What has taken them has ended, so nothing of it comes once more.
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 4, 4));
    }

    private static TheoryData<string, string?, RegisterModes, UffdFeatures> Table(string?[] modules)
    {
        TheoryData<string, string?, RegisterModes, UffdFeatures> table = [];
        foreach (string? module in modules)
        {
            RegisterModes[] all = module is null
                ? [RegisterModes.Missing, MissingWp]
                : [RegisterModes.Missing, MissingWp, RegisterModes.Minor, MinorWp, Both, Both | RegisterModes.WriteProtect];
            foreach (RegisterModes modes in all)
            {
                foreach (string world in (string[])["model", "live"])
                {
                    table.Add(world, module, modes, UffdFeatures.None);
                    if ((modes & RegisterModes.WriteProtect) != 0) table.Add(world, module, modes, UffdFeatures.WpAsync);
                }
            }
        }

        return table;
    }

    private static async Task ReadAsync(EitherWorld vm, GuestRegion region, params long[] pages)
    {
        VcpuGroup reads = await vm.StartAsync(region, isWrite: false, pages);
        await reads.WaitAsync().WaitAsync(LiveScene.Deadline);
    }
}
