using UffdActors.Abi;
using UffdActors.Linux.Tests.World;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Files;
using UffdActors.Worlds;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>A page that is not in the page cache raises no MINOR fault: it would be read as zeros, in silence.</summary>
public sealed class MinorHolesTests
{
    private const int Pages = 8;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [InlineData("model", RegisterModes.Minor)]
    [InlineData("live", RegisterModes.Minor)]
    [InlineData("model", RegisterModes.Minor | RegisterModes.WriteProtect)]
    [InlineData("live", RegisterModes.Minor | RegisterModes.WriteProtect)]
    public async Task MINOR_alone_is_not_served_where_holes_may_be(string world, RegisterModes modes)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.MapAsync(Pages, "shmem");
        _ = await vm.Uffd.RegisterAsync(region, modes);

        InvalidOperationException refused = await Assert.ThrowsAsync<InvalidOperationException>(() => vm.Uffd.ServeAsync(new ServeOptions { Source = source }));

        Assert.Contains($"Region {region.Id} (shmem) is registered for MINOR alone and has no alias", refused.Message, StringComparison.Ordinal);
        Assert.Contains("IsFilled", refused.Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Holes_that_raise_MISSING_are_copied(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.MapAsync(Pages, "shmem");
        _ = await vm.Uffd.RegisterAsync(region, RegisterModes.Missing | RegisterModes.Minor);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });

        await (await vm.StartAsync(region, isWrite: false, 3)).WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal(PageBytes.WordOf(3), vm.Word(region, 3));
    }

    [SkippableTheory]
    [InlineData("model", false)]
    [InlineData("live", false)]
    [InlineData("model", true)]
    [InlineData("live", true)]
    public async Task Memory_that_is_filled_already_is_mapped_as_it_is(string world, bool withAlias)
    {
        // What the source has is not what is there, so it shows who was asked.
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.Vm.MapAsync(new RegionOptions { Pages = Pages, Module = "shmem", IsFilled = true, WithAlias = withAlias });
        await FillAsync(vm, region);
        _ = await vm.Uffd.RegisterAsync(region, RegisterModes.Minor);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });

        await (await vm.StartAsync(region, isWrite: false, 3)).WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal(1, vm.Uffd.Faults);
        Assert.Equal(0ul, vm.Word(region, 3));
        await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(0ul, vm.Word(region, Pages - 1));
    }

    private static async Task FillAsync(EitherWorld vm, GuestRegion region)
    {
        if (vm.Vm.Kernel is ModelKernel model)
        {
            await model.CallAsync("fallocate", new AllocateFile(model.Main, model.FileOf(region)!, 0, (long)region.Bytes), c => c.Error, CancellationToken.None);
            return;
        }

        using NativeBuffer zeros = new((long)region.Bytes);
        ((Linux.World.LiveKernel)vm.Vm.Kernel).MemoryOf(region).Fill(zeros.Address);
    }
}
