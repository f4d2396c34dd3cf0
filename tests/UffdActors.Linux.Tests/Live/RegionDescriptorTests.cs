using System.Runtime.InteropServices;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Tests.Modes;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Tests.Live;

/// <summary>The memory behind a region, for another process to map.</summary>
public sealed class RegionDescriptorTests
{
    private const int Pages = 16;

    [SkippableFact]
    public async Task What_is_mapped_by_it_is_the_regions_memory_and_it_outlives_the_VM()
    {
        SafeHandle descriptor;
        await using (EitherWorld vm = await EitherWorld.StartAsync("live"))
        {
            GuestRegion region = await vm.MapAsync(Pages, "shmem");
            descriptor = vm.Vm.OpenDescriptor(region);
            using SafeHandle another = vm.Vm.OpenDescriptor(region);
            Assert.NotEqual(descriptor.DangerousGetHandle(), another.DangerousGetHandle());
            await vm.WriteAsync(region, 3);
        }

        // Another process gets it over a socket, or by pidfd_getfd, and maps it as this does.
        using MemoryObject memory = MemoryObject.Adopt((int)descriptor.DangerousGetHandle(), MemoryBacking.Shmem, Pages * PageSize.Base);
        descriptor.SetHandleAsInvalid();
        using GuestMemory mapped = GuestMemory.Map(memory, 0, memory.Bytes);
        Assert.NotEqual(0ul, mapped.ReadWord(3 * PageSize.Base));
        Assert.Equal(0ul, mapped.ReadWord(4 * PageSize.Base));
    }

    [SkippableFact]
    public async Task Memory_without_one_is_refused_with_the_reason()
    {
        await using EitherWorld vm = await EitherWorld.StartAsync("live");
        GuestRegion anonymous = await vm.MapAsync(Pages);
        Assert.Contains(
            "anonymous memory, which has no descriptor",
            Assert.Throws<InvalidOperationException>(() => vm.Vm.OpenDescriptor(anonymous)).Message, StringComparison.Ordinal);
        GuestRegion gone = await vm.MapAsync(Pages, "shmem");
        await vm.Vm.UnmapAsync(gone);
        _ = Assert.Throws<InvalidOperationException>(() => vm.Vm.OpenDescriptor(gone));
        await using EitherWorld model = await EitherWorld.StartAsync("model");
        GuestRegion modelled = await model.MapAsync(Pages, "shmem");
        _ = Assert.Throws<NotSupportedException>(() => model.Vm.OpenDescriptor(modelled));
    }
}
