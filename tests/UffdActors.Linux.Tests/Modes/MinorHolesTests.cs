using UffdActors.Linux.Live;
using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.ThisMachine;
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

        InvalidOperationException refused =
            await Assert.ThrowsAsync<InvalidOperationException>(() => vm.Uffd.ServeAsync(new ServeOptions { Source = source }));

        Assert.Contains(
            $"Region {region.Id} (shmem) is registered for MINOR alone and has no alias", refused.Message, StringComparison.Ordinal);
        Assert.Contains("IsFilled", refused.Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("model", RegisterModes.Missing)]
    [InlineData("live", RegisterModes.Missing)]
    [InlineData("model", RegisterModes.Missing | RegisterModes.WriteProtect)]
    [InlineData("live", RegisterModes.Missing | RegisterModes.WriteProtect)]
    public async Task MISSING_without_MINOR_is_not_served_where_an_alias_has_filled_the_cache_with_zeros(string world, RegisterModes modes)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.MapAsync(Pages, "shmem", withAlias: true);
        _ = await vm.Uffd.RegisterAsync(region, modes);

        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => vm.Uffd.ServeAsync(new ServeOptions { Source = source }));

        string why = $"Region {region.Id} (shmem) is registered for MISSING without MINOR and has an alias";
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
        Assert.Contains("WithAlias", refused.Message, StringComparison.Ordinal);
        // The region is as it was, and served with the mode that it needs.
        await vm.Uffd.UnregisterAsync(region);
        _ = await vm.Uffd.RegisterAsync(region, modes | RegisterModes.Minor);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await (await vm.StartAsync(region, isWrite: false, 3)).WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(PageBytes.WordOf(3), vm.Word(region, 3));
    }

    [SkippableFact]
    public async Task Adopted_memory_with_a_descriptor_is_not_served_for_MISSING_alone_either()
    {
        ThisKernel.Require();
        using PageBytes source = new(Pages);
        await using OwnerProcess owner = await OwnerProcess.StartAsync("shmem", Pages, RegisterModes.Missing, UffdFeatures.None);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.AdoptMemoryAsync(owner.Memory(Pages, isNamed: true, withFile: true));
        Userfault uffd = await vm.AdoptUserfaultAsync(owner.Userfault());
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);

        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => uffd.ServeAsync(new ServeOptions { Source = source }));

        Assert.Contains("AdoptedMemory.Descriptor", refused.Message, StringComparison.Ordinal);
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
    [InlineData("model", RegisterModes.None)]
    [InlineData("live", RegisterModes.None)]
    [InlineData("model", RegisterModes.WriteProtect)]
    [InlineData("live", RegisterModes.WriteProtect)]
    public async Task A_push_copies_holes_and_maps_what_the_cache_has(string world, RegisterModes more)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.MapAsync(Pages, "shmem");
        _ = await vm.Uffd.RegisterAsync(region, RegisterModes.Missing | RegisterModes.Minor | more);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await (await vm.StartAsync(region, isWrite: false, 2, 3, 6)).WaitAsync().WaitAsync(LiveScene.Deadline);
        // Page 3 stays in the cache and is mapped no more; the push is not to know that it has been received.
        await vm.Vm.AdviseAsync(region, 3, 1, Advice.DontNeed);
        vm.Uffd.Reader!.View.Regions.Single().Received.Clear(3);

        BackgroundPush push = await vm.Uffd.PushAsync(region, source);
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);

        for (int page = 0; page < Pages; page++) Assert.Equal(PageBytes.WordOf(page), vm.Word(region, page));
        Assert.Equal((Pages, 3), (vm.Uffd.ReceivedOf(region).Count, vm.Uffd.Faults));
        Assert.False(vm.Vm.Incidents.TryReadOther(out Incident? incident), incident?.Message);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_push_over_a_cache_that_was_said_to_be_filled_and_is_not_pauses_with_one_incident(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.Vm.MapAsync(new RegionOptions { Pages = Pages, Module = "shmem", IsFilled = true });
        _ = await vm.Uffd.RegisterAsync(region, RegisterModes.Minor);
        await vm.Uffd.ServeAsync(
            new ServeOptions { Source = source, SourcePatience = TimeSpan.FromMilliseconds(50), Resume = SourceResume.Manual });

        BackgroundPush push = await vm.Uffd.PushAsync(region, source);

        // On a busy machine the patience may be over before the third attempt, and the beginning is then not reported by itself.
        Incident paused = await vm.IncidentAsync();
        if (paused.Kind == IncidentKind.FillDelayed) paused = await vm.IncidentAsync();
        Assert.Equal(IncidentKind.PatienceOver, paused.Kind);
        Assert.Contains("was said to be filled", paused.Message, StringComparison.Ordinal);
        await FillAsync(vm, region);
        vm.Uffd.Recover();
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(Pages, vm.Uffd.ReceivedOf(region).Count);
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
        GuestRegion region =
            await vm.Vm.MapAsync(new RegionOptions { Pages = Pages, Module = "shmem", IsFilled = true, WithAlias = withAlias });
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
            await model.CallAsync(
                "fallocate", new AllocateFile(model.Main, model.FileOf(region)!, 0, (long)region.Bytes), c => c.Error,
                CancellationToken.None);
            return;
        }

        using NativeBuffer zeros = new((long)region.Bytes);
        ((LiveKernel)vm.Vm.Kernel).MemoryOf(region).Fill(zeros.Address);
    }
}
