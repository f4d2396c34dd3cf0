using System.Runtime.InteropServices;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Tests.Modes;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Tests.Live;

/// <summary>The memory behind a region, for another process to map, and the userfaultfd, for it to serve.</summary>
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

    /// <summary>As another process does that it is handed over to.</summary>
    [SkippableFact]
    public async Task Who_has_the_userfaultfds_descriptor_serves_its_faults()
    {
        await using EitherWorld vm = await EitherWorld.StartAsync("live");
        GuestRegion region = await vm.MapAsync(Pages);
        Userfault userfault = await vm.Vm.OpenAsync();
        _ = await userfault.RegisterAsync(region, RegisterModes.Missing);
        SafeHandle descriptor = userfault.OpenDescriptor();
        int number = (int)descriptor.DangerousGetHandle();
        descriptor.SetHandleAsInvalid();
        await using EitherWorld other = await EitherWorld.StartAsync("live");
        Userfault adopted = await other.Vm.AdoptUserfaultAsync(new AdoptedUserfault { Descriptor = number });
        GuestRegion memory = await other.Vm.AdoptMemoryAsync(new AdoptedMemory { Address = region.Address, Pages = Pages });
        _ = await adopted.RegisterAsync(memory, RegisterModes.Missing);
        using PageBytes source = new(Pages);
        await adopted.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup vcpu = await vm.Vm.StartVcpusAsync(
            [new SyntheticWorkload(WorkloadKind.Sequential, Pages, accesses: Pages, writeRatio: 0, seed: 1, vcpu: 0, vcpus: 1)]);
        await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(Pages, adopted.ReceivedOf(memory).Count);
        Assert.Equal(0, userfault.Faults);
        await adopted.UnregisterAsync(memory);
        await userfault.AbandonAsync();
        _ = Assert.Throws<ObjectDisposedException>(userfault.OpenDescriptor);
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
        Userfault userfault = await model.Vm.OpenAsync();
        _ = Assert.Throws<NotSupportedException>(userfault.OpenDescriptor);
    }
}
