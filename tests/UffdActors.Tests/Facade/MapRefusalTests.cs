using UffdActors.Dispatch.Stepping;

namespace UffdActors.Tests.Facade;

/// <summary>A mapping of the model that is refused, at whichever step, leaves no trace.</summary>
public sealed class MapRefusalTests
{
    private const long HugeUnit = 512;

    [Fact]
    public void After_a_map_that_no_address_space_holds_every_later_one_is_where_it_would_have_been() => Stepped(async vm =>
    {
        GuestRegion first = await vm.MapAsync(new RegionOptions { Pages = 1 });
        for (int i = 0; i < 3; i++)
            Assert.Equal(
                Errno.ENOMEM,
                (await Assert.ThrowsAsync<UffdException>(
                    () => vm.MapAsync(new RegionOptions { Pages = 1L << 50, Module = i == 0 ? null : "shmem" }))).Error);
        GuestRegion second = await vm.MapAsync(new RegionOptions { Pages = 1 });
        GuestRegion third = await vm.MapAsync(new RegionOptions { Pages = 1, Module = "shmem", WithAlias = true });

        Assert.Equal(second.Address - first.Address, third.Address - second.Address);
        Assert.Equal([first, second, third], vm.Regions);
    });

    [Fact]
    public void An_alias_for_which_there_is_not_enough_memory_takes_the_mapping_along() => Stepped(async vm =>
    {
        for (int i = 0; i < 100; i++)
        {
            UffdException refused = await Assert.ThrowsAsync<UffdException>(
                () => vm.MapAsync(new RegionOptions { Pages = 65, Module = "shmem", WithAlias = true }));
            Assert.Equal(("madvise(MADV_POPULATE_WRITE)", Errno.ENOMEM), (refused.Call, refused.Error));
            Assert.Contains("65 pages of the alias; give it more: VmOptions.MemoryPages", refused.Message, StringComparison.Ordinal);
            AssertNothingIsLeft(vm);
        }

        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = 64, Module = "shmem", WithAlias = true });
        Assert.Equal(0x1000_0000_0000UL, region.Address);
    });

    [Fact]
    public void A_map_that_is_cancelled_under_way_is_taken_back_when_it_has_ended() => Stepped(async vm =>
    {
        using CancellationTokenSource cancel = new();
        Task map = vm.MapAsync(new RegionOptions { Pages = 8, Module = "shmem", WithAlias = true }, cancel.Token);
        while (vm.AddressSpace.Map.Vmas.Length == 0) await Task.Yield();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => map);

        // Behind whatever was still under way: calls of the main thread come one after the other.
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = 1 });
        while (vm.AddressSpace.Map.Vmas.Length > 1) await Task.Yield();
        Assert.Equal([region], vm.Regions);
        while (vm.Model.Machine.BaseFolios.InUse > 0) await Task.Yield();
    });

    [Fact]
    public void Huge_pages_are_promised_to_a_mapping_and_given_back_when_it_is_refused() => Stepped(async vm =>
    {
        _ = await vm.MapAsync(new RegionOptions { Pages = 2 * HugeUnit, Module = "hugetlb", WithAlias = true });
        for (int i = 0; i < 3; i++)
        {
            UffdException refused =
                await Assert.ThrowsAsync<UffdException>(() => vm.MapAsync(new RegionOptions { Pages = 3 * HugeUnit, Module = "hugetlb" }));
            Assert.Equal(("mmap", Errno.ENOMEM), (refused.Call, refused.Error));
            Assert.Contains(
                "3 huge pages are needed, and 2 are free and not promised to others", refused.Message, StringComparison.Ordinal);
        }

        _ = await vm.MapAsync(new RegionOptions { Pages = HugeUnit, Module = "hugetlb" });
        _ = await vm.MapAsync(new RegionOptions { Pages = HugeUnit, Module = "hugetlb" });
        _ = await Assert.ThrowsAsync<UffdException>(() => vm.MapAsync(new RegionOptions { Pages = HugeUnit, Module = "hugetlb" }));
    });

    private static void AssertNothingIsLeft(UffdVm vm)
    {
        Assert.Empty(vm.Regions);
        Assert.Equal(0, vm.AddressSpace.Map.Vmas.Length);
        Assert.Equal(0, vm.Model.Machine.BaseFolios.InUse);
        Assert.False(vm.Failed.IsCompleted);
    }

    private static void Stepped(Func<UffdVm, Task> body)
    {
        using SteppedHost host = new();
        host.Loop.Policy = new FifoPolicy();
        host.Run(async () =>
        {
            await using UffdVm vm = await host.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 64, HugePages = 4 });
            await body(vm);
        });
    }
}
