using UffdActors.Linux.Live;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Tests.Live;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model.Mapping;
using static UffdActors.Linux.Tests.Modes.SliceScene;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>
/// Large memory that is closed or given up: it is unregistered in slices, and a close may come between two slices of a call.
/// </summary>
[Collection(nameof(SliceScene))]
public sealed class SlicedCloseTests
{
    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Before_a_close_large_protected_memory_is_unregistered_in_slices_and_a_demand_elsewhere_is_served(string world)
    {
        using PageBytes source = new(4);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.WriteProtect);
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        Userfault other = await vm.Vm.OpenAsync();
        GuestRegion elsewhere = await vm.MapAsync(4);
        _ = await other.RegisterAsync(elsewhere, RegisterModes.Missing);
        await other.ServeAsync(new ServeOptions { Source = source });
        List<PageRange> slices = [];
        int marked = Pages;
        vm.Uffd.Calls.AfterSlice = async slice =>
        {
            slices.Add(slice);
            if (slices.Count > 1) return;
            marked = vm.PagesWith(region, Marker).Count();
            await vm.WriteAsync(elsewhere, 3);
        };

        await vm.Uffd.CloseAsync().WaitAsync(LiveScene.Deadline);

        Assert.True(slices.Count >= 3, $"{slices.Count} slices.");
        AssertCovered(slices, Pages);
        Assert.Equal(Pages - slices[0].Count, marked);
        Assert.Empty(vm.PagesWith(region, Marker));
        Assert.Equal([3], vm.PagesWith(elsewhere, PagemapFlags.Present));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => vm.Uffd.ProtectAsync(region, 0, 1));
        await other.AbandonAsync();
    }

    [SkippableTheory]
    [InlineData("model", "abandon")]
    [InlineData("live", "abandon")]
    [InlineData("model", "dispose")]
    [InlineData("live", "dispose")]
    public async Task Large_protected_memory_that_is_given_up_with_its_guest_is_unregistered_in_slices_too(string world, string end)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpUnpopulated);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        // The guest is the VM's own, so nothing has to stay open for it.
        await vm.WriteAsync(region, 5);
        List<PageRange> slices = [];
        vm.Uffd.Calls.AfterSlice = slice =>
        {
            slices.Add(slice);
            return Task.CompletedTask;
        };

        await (end == "abandon" ? vm.Uffd.AbandonAsync() : vm.Vm.DisposeAsync().AsTask()).WaitAsync(LiveScene.Deadline);

        Assert.True(slices.Count >= 3, $"{slices.Count} slices.");
        AssertCovered(slices, Pages);
        Assert.False(vm.Vm.Incidents.TryReadOther(out Incident? incident), incident?.Message);
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_has_to_stay_open_for_a_thread_that_waits_keeps_all_of_its_registration(bool served)
    {
        using PageBytes source = new(Pages) { Withholds = true };
        await using EitherWorld vm = await EitherWorld.StartAsync("live", UffdFeatures.WpUnpopulated);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        if (served) await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        Assert.True((await vm.Uffd.ProtectAsync(region, 0, Pages)).IsDone);
        // So that the guest would be the VM's own, were it not for the other thread.
        await vm.WriteAsync(await vm.MapAsync(1), 0);
        Task<Errno> waits = KernelRead.Start(region.AddressOf(Pages - 1));
        UffdDescriptor left = ((LiveUserfault)vm.Uffd.Kernel).Uffd;
        await LiveScene.UntilAsync(() => left.ReadFdInfo().Total == 1);
        List<PageRange> slices = [];
        vm.Uffd.Calls.AfterSlice = slice =>
        {
            slices.Add(slice);
            return Task.CompletedTask;
        };

        await vm.Uffd.AbandonAsync().WaitAsync(LiveScene.Deadline);

        Assert.Empty(slices);
        Assert.Equal(IncidentKind.DescriptorLeftOpen, (await vm.Vm.Incidents.ReadOtherAsync()).Kind);
        Assert.Equal(Pages, vm.PagesWith(region, Marker).Count());
        Assert.False(waits.IsCompleted);
        await vm.Vm.DisposeAsync();
        LeftOpen.LetGo(left);
        left.Dispose();
        Assert.Equal(Errno.None, await waits.WaitAsync(LiveScene.Deadline));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_call_that_a_close_overtakes_between_two_slices_is_told_that_it_is_closed(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.WpAsync);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.WriteProtect);
        int calls = 0;
        Task close = Task.CompletedTask;
        TaskCompletionSource unregistered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        vm.Uffd.Calls.AfterSlice = async slice =>
        {
            if (calls++ == 0)
            {
                close = vm.Uffd.CloseAsync();
                await unregistered.Task.WaitAsync(LiveScene.Deadline);
            }
            else if (slice.End == Pages)
            {
                unregistered.SetResult();
            }
        };

        await Assert.ThrowsAsync<ObjectDisposedException>(() => vm.Uffd.TakeWrittenAsync(region, 0, Pages));

        await close.WaitAsync(LiveScene.Deadline);
    }
}
