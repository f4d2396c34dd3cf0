using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>
/// Pages of shared memory that were written, and have left the mapping: no page table has the mark of the write, and they are dirty all the
/// same.
/// </summary>
[Collection(HugePageCollection.Name)]
public sealed class LeftTheMappingTests(HugePages pool)
{
    private const int HugeUnit = PageSize.Huge / PageSize.Base;
    private const int Pages = 4;

    // Pages that were there when they were registered, and have been filled by nobody: that they were protected is known by the call.
    [SkippableTheory]
    [InlineData("model", "shmem", true)]
    [InlineData("live", "shmem", true)]
    [InlineData("model", "shmem", false)]
    [InlineData("live", "shmem", false)]
    [InlineData("model", "hugetlb", true)]
    [InlineData("live", "hugetlb", true)]
    [InlineData("model", "hugetlb", false)]
    [InlineData("live", "hugetlb", false)]
    public async Task What_was_there_before_and_was_written_is_taken_although_it_has_left_the_mapping_and_come_back(
        string world, string module, bool isServed)
    {
        if (world == "live") pool.Require();
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        int unit = module == "hugetlb" ? HugeUnit : 1;
        using PageBytes source = new(Pages * unit);
        GuestRegion region = await vm.Vm.MapAsync(new RegionOptions { Pages = Pages * unit, Module = module, IsFilled = true });
        await vm.WriteAsync(region, [.. Enumerable.Range(0, Pages).Select(page => (long)page * unit)]);
        _ = await vm.Uffd.RegisterAsync(
            region, isServed ? RegisterModes.Minor | RegisterModes.WriteProtect : RegisterModes.WriteProtect);
        if (isServed) await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages * unit)).IsDone);
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, Pages * unit));
        await vm.WriteAsync(region, unit, 2 * unit);

        await vm.Vm.AdviseAsync(region, 0, Pages * unit, Advice.DontNeed);
        await (await vm.StartAsync(region, isWrite: false, unit, 3 * unit)).WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal([new(unit, 3 * unit)], await vm.Uffd.TakeWrittenAsync(region, 0, Pages * unit));
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, Pages * unit));

        // What is left behind is protected: a page that comes back by a read is not written, and by a write it is.
        await vm.WriteAsync(region, 3 * unit);
        await (await vm.StartAsync(region, isWrite: false, 0, 2 * unit)).WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal([new(3 * unit, 4 * unit)], await vm.Uffd.TakeWrittenAsync(region, 0, Pages * unit));
    }

    [SkippableTheory]
    [MemberData(nameof(DirtyTrackingTests.Leaving), MemberType = typeof(DirtyTrackingTests))]
    public async Task Huge_pages_that_were_written_are_taken_although_they_have_left_the_mapping(
        string world, RegisterModes modes, UffdFeatures features)
    {
        if (world == "live") pool.Require();
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync | features);
        using PageBytes source = new(Pages * HugeUnit);
        GuestRegion region = await vm.RegisterAsync(Pages * HugeUnit, modes, "hugetlb");
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        await vm.WriteAsync(region, HugeUnit, 2 * HugeUnit);
        PageStateRange[] states =
        [
            new(0, HugeUnit, PageState.FromSource), new(HugeUnit, 2 * HugeUnit, PageState.Written),
            new(3 * HugeUnit, HugeUnit, PageState.FromSource),
        ];

        await vm.Vm.AdviseAsync(region, 0, Pages * HugeUnit, Advice.DontNeed);
        Assert.Equal(states, await vm.Uffd.PageStatesAsync(region, 0, Pages * HugeUnit));
        await (await vm.StartAsync(region, isWrite: false, HugeUnit, 3 * HugeUnit)).WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal(states, await vm.Uffd.PageStatesAsync(region, 0, Pages * HugeUnit));
        Assert.Equal([new(HugeUnit, 3 * HugeUnit)], await vm.Uffd.TakeWrittenAsync(region, 0, Pages * HugeUnit));
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, Pages * HugeUnit));
        Assert.Equal(states, await vm.Uffd.PageStatesAsync(region, 0, Pages * HugeUnit));
    }
}
