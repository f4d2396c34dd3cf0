using UffdActors.Linux.Native;
using UffdActors.Linux.Tests.Live;
using UffdActors.Model.Operations.Maps;
using UffdActors.Worlds;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>A range that was moved away with MREMAP_DONTUNMAP stays registered: faults there are in no region that is served.</summary>
public sealed class UnknownAddressTests
{
    private const int Pages = 4;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_fault_that_nothing_explains_is_left_asleep_and_reported_once_and_again_after_recover(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemap);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        GuestRegion spot = await vm.MapAsync(Pages);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await MoveAwayAsync(vm, region, spot).WaitAsync(LiveScene.Deadline);

        VcpuGroup read = await vm.StartAsync(region, isWrite: false, 1);
        for (int report = 0; report < 2; report++)
        {
            Incident left = await vm.Vm.Incidents.ReadOtherAsync();
            Assert.Equal(IncidentKind.UnknownAddress, left.Kind);
            Assert.Contains($"0x{region.AddressOf(1):x}", left.Message, StringComparison.Ordinal);
            // Woken again, and not all the time; how often depends on how soon a thread gets to run.
            Assert.InRange(vm.Uffd.Reader!.Counters.Strays, 2, 100);
            Assert.False(vm.Vm.Incidents.TryReadOther(out _));
            Assert.Equal(0, read.Accesses);
            if (report == 0) vm.Uffd.Recover();
        }

        // Every page is there, at the new place; but who sleeps at the old one would read zeros.
        await (await vm.Uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        InvalidOperationException refused = await Assert.ThrowsAsync<InvalidOperationException>(() => vm.Uffd.CloseAsync());
        Assert.Contains("in no region", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, read.Accesses);

        await vm.Uffd.AbandonAsync();
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task At_its_new_place_the_region_is_served_on(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.EventRemap);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        GuestRegion spot = await vm.MapAsync(Pages);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await MoveAwayAsync(vm, region, spot).WaitAsync(LiveScene.Deadline);

        await (await vm.StartAsync(spot, isWrite: false, 0, 3)).WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal(PageBytes.WordOf(3), vm.Word(spot, 3));
        Assert.Equal(0, vm.Uffd.Reader!.Counters.Strays);
        Assert.False(vm.Vm.Incidents.TryReadOther(out _));
    }

    private static Task MoveAwayAsync(EitherWorld vm, GuestRegion region, GuestRegion target)
    {
        const RemapModes Modes = RemapModes.MayMove | RemapModes.Fixed | RemapModes.DontUnmap;
        if (vm.Vm.Kernel is ModelKernel model)
        {
            RemapMemory call = new(model.Main, region.Address, region.Bytes, region.Bytes, Modes, target.Address);
            return model.CallAsync("mremap", call, c => c.Error, CancellationToken.None);
        }

        // Returns when the event has been read.
        return Task.Run(() => Assert.Equal(
            (nint)target.Address,
            Libc.MRemap((nint)region.Address, (nuint)region.Bytes, (nuint)region.Bytes, (int)Modes, (nint)target.Address)));
    }
}
