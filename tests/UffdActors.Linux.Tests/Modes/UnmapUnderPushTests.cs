using UffdActors.Linux.Live;
using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Worlds;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>
/// Tests that free addresses of this process while somebody still fills there, so nobody else may map and register anything meanwhile; or
/// that fork it.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Unmapping
{
    public const string Name = "unmapping";
}

/// <summary>Memory goes while it is pushed: the push ends and says so, and what was not there does not count.</summary>
[Collection(Unmapping.Name)]
public sealed class UnmapUnderPushTests
{
    private const int Pages = 256;

    public static TheoryData<string, string?, UffdFeatures> Cases
    {
        get
        {
            TheoryData<string, string?, UffdFeatures> cases = [];
            foreach (string world in new[] { "model", "live" })
            {
                foreach (string? memory in new[] { null, "shmem", "alias" })
                {
                    cases.Add(world, memory, UffdFeatures.None);
                    cases.Add(world, memory, UffdFeatures.EventUnmap | UffdFeatures.EventRemove);
                }
            }

            return cases;
        }
    }

    [SkippableTheory]
    [InlineData("model", true)]
    [InlineData("live", true)]
    [InlineData("model", false)]
    [InlineData("live", false)]
    public async Task A_push_that_has_filled_nothing_yet_ends_with_its_region(string world, bool isHeld)
    {
        using PageBytes source = new(Pages) { Withholds = true };
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        // Held from the beginning, or waiting for the first thing that it has asked for.
        BackgroundPush push = await vm.Uffd.PushAsync(region, source);
        if (isHeld) push.Pause();
        else await source.Asked.Task.WaitAsync(LiveScene.Deadline);

        await vm.Vm.UnmapAsync(region).WaitAsync(LiveScene.Deadline);

        InvalidOperationException ended =
            await Assert.ThrowsAsync<InvalidOperationException>(() => push.WaitAsync().WaitAsync(LiveScene.Deadline));
        Assert.StartsWith($"Region {region.Id} has been unmapped", ended.Message, StringComparison.Ordinal);
        Assert.Equal(0, push.ReceivedPages);
    }

    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public async Task No_push_outlives_its_userfaultfd(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(4, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        BackgroundPush held = await vm.Uffd.PushAsync(region, source);
        held.Pause();
        await vm.WriteAsync(region, 0, 1, 2, 3);
        // Its turn comes when closing has begun.
        Task close = vm.Uffd.CloseAsync();
        Task<BackgroundPush> late = vm.Uffd.PushAsync(region, source);

        await close.WaitAsync(LiveScene.Deadline);

        // Everything is there, though it has brought nothing.
        await held.WaitAsync().WaitAsync(LiveScene.Deadline);
        try
        {
            await (await late.WaitAsync(LiveScene.Deadline)).WaitAsync().WaitAsync(LiveScene.Deadline);
        }
        catch (ObjectDisposedException)
        {
            // Or it was too late.
        }

        Assert.False(vm.Vm.Incidents.TryReadOther(out Incident? incident), incident?.Message);
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public async Task The_push_of_a_region_that_is_unmapped_ends_and_says_so_and_others_go_on(
        string world, string? memory, UffdFeatures features)
    {
        // The push waits for its second chunk when the region goes, and has asked for no other.
        using GatedSource source = new(new PageBytes(Pages), gated: 64);
        using PageBytes others = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, features);
        GuestRegion region = await RegisterAsync(vm, memory);
        GuestRegion other = await RegisterAsync(vm, memory);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        BackgroundPush push = await vm.Uffd.PushAsync(region, source, new PrefetchOptions { WindowBytes = 0 });
        await source.Asked.WaitAsync(LiveScene.Deadline);
        BackgroundPush kept = await vm.Uffd.PushAsync(other, others);

        await vm.Vm.UnmapAsync(region).WaitAsync(LiveScene.Deadline);

        InvalidOperationException ended =
            await Assert.ThrowsAsync<InvalidOperationException>(() => push.WaitAsync().WaitAsync(LiveScene.Deadline));
        Assert.Contains($"Region {region.Id} has been unmapped", ended.Message, StringComparison.Ordinal);
        source.LetGo();
        await kept.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal((64, Pages), (push.ReceivedPages, kept.ReceivedPages));
        Assert.Equal(64, vm.Uffd.ReceivedOf(region).Count);
        Assert.Equal(PageBytes.WordOf(Pages - 1), vm.Word(other, Pages - 1));
        await vm.Uffd.CloseAsync().WaitAsync(LiveScene.Deadline);
        Assert.False(vm.Vm.Incidents.TryReadOther(out Incident? incident), incident?.Message);
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public async Task The_push_of_a_region_of_which_somebody_else_unmaps_a_part_brings_the_rest_and_says_what_is_gone(
        string world, string? memory, UffdFeatures features)
    {
        const int First = 100;
        const int Gone = 60;
        using GatedSource source = new(new PageBytes(Pages), gated: 64);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, features);
        GuestRegion region = await RegisterAsync(vm, memory);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        BackgroundPush push = await vm.Uffd.PushAsync(region, source, new PrefetchOptions { WindowBytes = 0 });
        await source.Asked.WaitAsync(LiveScene.Deadline);

        await UnmapBehindAsync(vm, region, First, Gone).WaitAsync(LiveScene.Deadline);
        source.LetGo();

        InvalidOperationException ended =
            await Assert.ThrowsAsync<InvalidOperationException>(() => push.WaitAsync().WaitAsync(LiveScene.Deadline));
        Assert.Contains(
            $"{Gone} of {Pages} pages of region {region.Id}, the first of them page {First},", ended.Message, StringComparison.Ordinal);
        Assert.Equal(Pages - Gone, push.ReceivedPages);
        Assert.Equal(First, vm.Uffd.ReceivedOf(region).NextClear(0));
        Assert.Equal(First + Gone, vm.Uffd.ReceivedOf(region).NextClear(First + Gone - 1) + 1);
        Assert.Equal(PageBytes.WordOf(Pages - 1), vm.Word(region, Pages - 1));
        await vm.Uffd.CloseAsync().WaitAsync(LiveScene.Deadline);
        Assert.False(vm.Vm.Incidents.TryReadOther(out Incident? incident), incident?.Message);
    }

    private static async Task<GuestRegion> RegisterAsync(EitherWorld vm, string? memory)
    {
        GuestRegion region = await vm.Vm.MapAsync(
            new RegionOptions { Pages = Pages, Module = memory is null ? null : "shmem", WithAlias = memory == "alias" });
        _ = await vm.Uffd.RegisterAsync(region, memory == "alias" ? RegisterModes.Minor : RegisterModes.Missing);
        return region;
    }

    // As somebody does who does not know the runtime.
    private static Task UnmapBehindAsync(EitherWorld vm, GuestRegion region, long first, long pages)
    {
        if (vm.Vm.Kernel is ModelKernel model)
            return model.CallAsync(
                "munmap", new UnmapMemory(model.Main, region.AddressOf(first), (ulong)pages << PageSize.BaseShift), c => c.Error,
                CancellationToken.None);
        LiveKernel live = (LiveKernel)vm.Vm.Kernel;
        return Task.Run(
            () => Assert.Equal(Errno.None, live.MemoryOf(region).Guest.Unmap(first << PageSize.BaseShift, pages << PageSize.BaseShift)));
    }
}
