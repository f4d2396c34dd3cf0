using UffdActors.Linux.Memory;
using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>A reader finds every page that is there, mapped or not, and none that is not; and reading changes nothing.</summary>
public sealed class PagesThatAreThereTests
{
    private const int Pages = 16;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [InlineData("model", RegisterModes.Missing)]
    [InlineData("live", RegisterModes.Missing)]
    [InlineData("model", RegisterModes.Minor)]
    [InlineData("live", RegisterModes.Minor)]
    public async Task Pages_that_only_the_cache_has_are_read_and_stay_unmapped(string world, RegisterModes modes)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, modes, "shmem");
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        // Where content comes through an alias, the cache is full of zeros that are nobody's content yet.
        Assert.All(Enumerable.Range(0, Pages), page => Assert.Null(vm.Word(region, page)));
        await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);

        await vm.Vm.AdviseAsync(region, 4, 8, Advice.DontNeed);

        Assert.All(Enumerable.Range(0, Pages), page => Assert.Equal(PageBytes.WordOf(page), vm.Word(region, page)));
        Assert.Equal([4, 5, 6, 7, 8, 9, 10, 11], vm.PagesWith(region, PagemapFlags.None));
        Assert.Equal(0, vm.Uffd.Faults);
    }

    [SkippableTheory]
    [InlineData("model", RegisterModes.Missing)]
    [InlineData("live", RegisterModes.Missing)]
    [InlineData("model", RegisterModes.WriteProtect)]
    [InlineData("live", RegisterModes.WriteProtect)]
    [InlineData("model", RegisterModes.None)]
    [InlineData("live", RegisterModes.None)]
    public async Task Holes_are_absent_and_stay_holes_whatever_watches_them(string world, RegisterModes modes)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        foreach (string? module in new[] { null, "shmem" })
        {
            GuestRegion region = modes == RegisterModes.None
                ? await vm.MapAsync(Pages, module)
                : await vm.RegisterAsync(Pages, modes, module);
            if (modes == RegisterModes.WriteProtect) Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages / 2)).IsDone);
            PagemapFlags[] before = vm.Entries(region);

            // Of what is only marked to be protected, root is told that it is no page in swap.
            for (int page = 0; page < Pages; page++)
            {
                if (page >= Pages / 2 || !vm.IsLive || module is not null || Environment.IsPrivilegedProcess)
                    Assert.Null(vm.Word(region, page));
            }

            if (!vm.IsLive || Environment.IsPrivilegedProcess) Assert.Equal(before, vm.Entries(region));
        }

        Assert.Equal(0, vm.Uffd.Faults);
    }

    [SkippableTheory]
    [InlineData("model", RegisterModes.Missing)]
    [InlineData("live", RegisterModes.Missing)]
    [InlineData("model", RegisterModes.Minor)]
    [InlineData("live", RegisterModes.Minor)]
    public async Task A_hole_that_was_punched_is_absent(string world, RegisterModes modes)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, modes, "shmem");
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);

        await vm.Vm.AdviseAsync(region, 3, 2, Advice.Remove);

        Assert.Equal([3, 4], Enumerable.Range(0, Pages).Where(page => vm.Word(region, page) is null));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task What_the_guest_has_made_of_a_page_that_it_had_given_back_is_read_from_the_cache_too(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemove);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Minor, "shmem");
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        // Nothing has come through the alias yet, and of these pages nothing will.
        await vm.Vm.AdviseAsync(region, 3, 2, Advice.Remove).WaitAsync(LiveScene.Deadline);
        await vm.WriteAsync(region, 3, 4);
        Assert.NotNull(vm.Word(region, 4));

        await vm.Vm.AdviseAsync(region, 3, 2, Advice.DontNeed).WaitAsync(LiveScene.Deadline);

        Assert.Equal(GuestLayout.ValueOf(0, 1), vm.Word(region, 4));
        Assert.Null(vm.Word(region, 5));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_poisoned_page_is_not_read(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing, "shmem");
        Assert.True((await vm.Uffd.PoisonAsync(region, 2, 1)).IsDone);
        Assert.Null(vm.Word(region, 2));
    }
}

/// <summary>The same of pages in swap.</summary>
[Collection(SwapCollection.Name)]
public sealed class SwappedPagesTests(SwapSpace swap)
{
    private const int Pages = 16;

    [SkippableTheory]
    [InlineData("model", null, RegisterModes.Missing)]
    [InlineData("live", null, RegisterModes.Missing)]
    [InlineData("model", null, RegisterModes.Missing | RegisterModes.WriteProtect)]
    [InlineData("live", null, RegisterModes.Missing | RegisterModes.WriteProtect)]
    [InlineData("model", "shmem", RegisterModes.Missing)]
    [InlineData("live", "shmem", RegisterModes.Missing)]
    [InlineData("model", "shmem", RegisterModes.Missing | RegisterModes.WriteProtect)]
    [InlineData("live", "shmem", RegisterModes.Missing | RegisterModes.WriteProtect)]
    public async Task Every_page_that_was_pushed_and_then_paged_out_is_read(string world, string? module, RegisterModes modes)
    {
        if (world == "live") swap.Require();
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, hasSwap: true);
        GuestRegion region = await vm.RegisterAsync(Pages, modes, module);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        if (modes != RegisterModes.Missing) Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages / 2)).IsDone);

        await vm.PageOutAsync(region);

        Assert.DoesNotContain(vm.Entries(region), entry => (entry & PagemapFlags.Present) != 0);
        Assert.All(Enumerable.Range(0, Pages), page => Assert.Equal(PageBytes.WordOf(page), vm.Word(region, page)));
        Assert.Equal(0, vm.Uffd.Faults);
    }

    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public async Task Pages_in_swap_between_holes_are_read_and_the_holes_stay(string world)
    {
        if (world == "live") swap.Require();
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, hasSwap: true);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup reads = await vm.StartAsync(region, isWrite: false, 1, 5, 6);
        await reads.WaitAsync().WaitAsync(LiveScene.Deadline);
        await vm.PageOutAsync(region);
        Assert.Equal([1, 5, 6], vm.PagesWith(region, PagemapFlags.Swap));

        Assert.Equal(
            [1, 5, 6], Enumerable.Range(0, Pages).Where(page => vm.Word(region, page) is { } word && word == PageBytes.WordOf(page)));
        Assert.Equal(Pages - 3, vm.PagesWith(region, PagemapFlags.None).Count());
    }
}

/// <summary>The same of huge pages, of which the file does not tell what is a hole.</summary>
[Collection(HugePageCollection.Name)]
public sealed class HugePagesThatAreThereTests(HugePages pool)
{
    private const int UnitPages = PageSize.Huge / PageSize.Base;

    [SkippableTheory]
    [InlineData("model", RegisterModes.Missing)]
    [InlineData("live", RegisterModes.Missing)]
    [InlineData("model", RegisterModes.Minor)]
    [InlineData("live", RegisterModes.Minor)]
    public async Task What_the_cache_has_is_read_and_a_hole_stays_one(string world, RegisterModes modes)
    {
        if (world == "live") pool.Require();
        const int Units = 4;
        using PageBytes source = new(Units * UnitPages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Units * UnitPages, modes, "hugetlb");
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup reads = await vm.StartAsync(region, isWrite: false, 0, 2 * UnitPages);
        await reads.WaitAsync().WaitAsync(LiveScene.Deadline);
        await vm.Vm.AdviseAsync(region, 0, UnitPages, Advice.DontNeed);

        for (int look = 0; look < 2; look++)
        {
            Assert.Equal(PageBytes.WordOf(7), vm.Word(region, 7));
            Assert.Null(vm.Word(region, UnitPages + 3));
            Assert.Equal(PageBytes.WordOf((2 * UnitPages) + 511), vm.Word(region, (2 * UnitPages) + 511));
            Assert.Null(vm.Word(region, 3 * UnitPages));
        }
    }

    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public async Task A_huge_page_that_was_removed_counts_as_written_once(string world)
    {
        if (world == "live") pool.Require();
        const int Units = 4;
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        GuestRegion region = await vm.MapAsync(Units * UnitPages, "hugetlb");
        await vm.WriteAsync(region, 0, UnitPages, 2 * UnitPages, 3 * UnitPages);
        _ = await vm.Uffd.RegisterAsync(region, RegisterModes.WriteProtect);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, region.Pages)).IsDone);

        await vm.Vm.AdviseAsync(region, UnitPages, UnitPages, Advice.Remove);

        Assert.Equal([new(UnitPages, 2 * UnitPages)], await vm.Uffd.TakeWrittenAsync(region, 0, region.Pages));
        Assert.Empty(await vm.Uffd.TakeWrittenAsync(region, 0, region.Pages));
    }
}
