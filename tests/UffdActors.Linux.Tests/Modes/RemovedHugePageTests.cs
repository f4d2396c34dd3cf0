using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>A hole in a part of a huge page makes that part zeros, and leaves the page where it is.</summary>
[Collection(HugePageCollection.Name)]
public sealed class RemovedHugePageTests(HugePages pool)
{
    private const int UnitPages = PageSize.Huge / PageSize.Base;
    private const RegisterModes MissingWp = RegisterModes.Missing | RegisterModes.WriteProtect;

    [SkippableTheory]
    [InlineData("model", RegisterModes.Missing, UffdFeatures.None)]
    [InlineData("live", RegisterModes.Missing, UffdFeatures.None)]
    [InlineData("model", MissingWp, UffdFeatures.WpAsync)]
    [InlineData("live", MissingWp, UffdFeatures.WpAsync)]
    [InlineData("model", RegisterModes.WriteProtect, UffdFeatures.WpAsync)]
    [InlineData("live", RegisterModes.WriteProtect, UffdFeatures.WpAsync)]
    public async Task The_part_that_was_removed_is_told_and_the_rest_is_what_it_was(
        string world, RegisterModes modes, UffdFeatures features)
    {
        if (world == "live") pool.Require();
        const int Units = 4;
        using PageBytes source = new(Units * UnitPages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove | features);
        GuestRegion region = await vm.RegisterAsync(Units * UnitPages, modes, "hugetlb");
        bool isFilled = modes != RegisterModes.WriteProtect;
        if (isFilled)
        {
            await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
            BackgroundPush push = await vm.Uffd.PushAsync(region, source);
            await push.WaitAsync().WaitAsync(LiveScene.Deadline);
        }
        else
        {
            await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
            await vm.WriteAsync(region, [.. Enumerable.Range(0, Units * UnitPages).Select(p => (long)p)]);
            Assert.True((await vm.Uffd.ProtectAsync(region, 0, region.Pages)).IsDone);
        }

        // The end of the first page, all of the second, and the beginning of the third.
        await vm.Vm.AdviseAsync(region, 511, 2 * UnitPages, Advice.Remove);

        PageState rest = isFilled ? PageState.FromSource : PageState.Absent;
        PageStateRange[] expected =
            [new(0, 511, rest), new(511, 2 * UnitPages, PageState.Removed), new(511 + (2 * UnitPages), UnitPages + 1, rest)];
        Assert.Equal(0ul, vm.Word(region, 511));
        Assert.NotEqual(0ul, vm.Word(region, 510));
        Assert.Equal(expected, await vm.Uffd.PageStatesAsync(region, 0, region.Pages));
    }

    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public async Task What_was_written_is_taken_in_whole_huge_pages_only(string world)
    {
        if (world == "live") pool.Require();
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        GuestRegion region = await vm.RegisterAsync(2 * UnitPages, RegisterModes.WriteProtect, "hugetlb");
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, region.Pages)).IsDone);
        await vm.WriteAsync(region, 3);

        // The kernel stops in front of such a part for ever: it can neither protect it nor pass it by.
        foreach ((long first, long pages) in new[] { (256L, 256L), (0, 8), (8, 2 * UnitPages - 8L) })
            await Assert.ThrowsAsync<ArgumentException>(() => vm.Uffd.TakeWrittenAsync(region, first, pages)).WaitAsync(LiveScene.Deadline);

        Assert.Equal([new(0, UnitPages)], await vm.Uffd.TakeWrittenAsync(region, 0, region.Pages));
    }

    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public async Task The_pages_of_a_region_that_is_unmapped_are_the_next_ones(string world)
    {
        if (world == "live") pool.Require();
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        for (int i = 0; i < 3; i++)
        {
            GuestRegion region = await vm.MapAsync(6 * UnitPages, "hugetlb", withAlias: i == 1);
            await vm.WriteAsync(region, [.. Enumerable.Range(0, 6).Select(n => (long)(n * UnitPages))]);
            await vm.Vm.UnmapAsync(region);
        }
    }
}
