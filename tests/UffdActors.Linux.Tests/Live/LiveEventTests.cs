using UffdActors.Linux.Live;
using UffdActors.Linux.Memory;
using UffdActors.Model.Memory;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>Events of the real kernel, read by the ring while threads fault (SEMANTICS 6.6; RING P2, P8).</summary>
[Collection(Modes.Unmapping.Name)]
public sealed class LiveEventTests
{
    private const int Pages = 16;
    private const long Page = 4096;

    [SkippableFact]
    public async Task A_region_that_was_moved_is_served_at_its_new_place()
    {
        ThisKernel.Require();
        using GatedSource source = new(new PageBytes(Pages), gated: 9);
        GuestMemory moved;
        await using (UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live")))
        await using (UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 }))
        {
            (Userfault uffd, GuestRegion region) = await ServeAsync(vm, source, UffdFeatures.EventRemap | UffdFeatures.EventUnmap);
            Assert.Equal(Errno.None, await KernelRead.Start(region.Address + Page).WaitAsync(LiveScene.Deadline));
            Task<Errno> waits = KernelRead.Start(region.Address + (9 * Page));
            await source.Asked.WaitAsync(LiveScene.Deadline);

            // Returns when the events have been read.
            moved = await Task.Run(((LiveKernel)vm.Kernel).MemoryOf(region).Guest.MoveAway).WaitAsync(LiveScene.Deadline);

            // Nobody else wakes who sleeps on the old address; and it has nothing to find there.
            Assert.Equal(Errno.EFAULT, await waits.WaitAsync(LiveScene.Deadline));
            source.LetGo();
            foreach (int page in new[] { 1, 5, 9 })
                Assert.Equal(PageBytes.WordOf(page), await Task.Run(() => moved.ReadWord(page * Page)).WaitAsync(LiveScene.Deadline));
            WaitForEvents(uffd, 2);
            Assert.Equal(PageSize.PageOf(moved.Address), Assert.Single(uffd.Reader!.View.Regions).Range.Start);
        }

        moved.Dispose();
    }

    [SkippableFact]
    public async Task Threads_that_sleep_in_a_region_that_is_unmapped_find_out()
    {
        ThisKernel.Require();
        using GatedSource source = new(new PageBytes(Pages), gated: 9);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion kept = await vm.MapAsync(new RegionOptions { Pages = Pages });
        (Userfault uffd, GuestRegion region) = await ServeAsync(vm, source, UffdFeatures.EventUnmap, kept);
        Task<Errno> waits = KernelRead.Start(region.Address + (9 * Page));
        await source.Asked.WaitAsync(LiveScene.Deadline);

        await vm.UnmapAsync(region).WaitAsync(LiveScene.Deadline);

        Assert.Equal(Errno.EFAULT, await waits.WaitAsync(LiveScene.Deadline));
        WaitForEvents(uffd, 1);
        // The late answer is for nobody; the other region goes on.
        source.LetGo();
        Assert.Equal(Errno.None, await KernelRead.Start(kept.Address + (9 * Page)).WaitAsync(LiveScene.Deadline));
        Assert.Equal(kept.Id, Assert.Single(uffd.Reader!.View.Regions).Id);
    }

    // Whoever caused an event goes on as soon as it has been read, and it is counted after that.
    private static void WaitForEvents(Userfault uffd, int count) =>
        Assert.True(
            SpinWait.SpinUntil(() => uffd.Reader!.Counters.Events == count, LiveScene.Deadline), $"{uffd.Reader!.Counters.Events} events");

    private static async Task<(Userfault Uffd, GuestRegion Region)> ServeAsync(
        UffdVm vm, GatedSource source, UffdFeatures features, params GuestRegion[] others)
    {
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync(features);
        foreach (GuestRegion each in others.Append(region)) _ = await uffd.RegisterAsync(each, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        return (uffd, region);
    }
}
