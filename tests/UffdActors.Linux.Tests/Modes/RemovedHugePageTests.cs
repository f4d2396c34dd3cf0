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
}
