using System.Diagnostics;
using System.Globalization;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Native;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Testing.Guests;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>Memory and userfaultfds that somebody else has made, and taking over from a monitor that is gone (RING F3).</summary>
public sealed class AdoptionTests
{
    private const int Pages = 16;

    [SkippableFact]
    public async Task Adopted_memory_is_served_and_survives_the_VM_as_does_the_other_copy_of_the_descriptor()
    {
        ThisKernel.Require();
        using PageBytes source = new(Pages);
        using LiveRange theirs = LiveRange.Of(MemoryBacking.Anonymous, Pages, RegisterModes.Missing, UffdFeatures.ThreadId);
        await using (UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live")))
        await using (UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 }))
        {
            GuestRegion region = await vm.AdoptMemoryAsync(new AdoptedMemory { Address = theirs.Memory.Address, Pages = Pages - 1 });
            Userfault uffd = await vm.AdoptUserfaultAsync(new AdoptedUserfault { Descriptor = Copy(theirs.Uffd) });
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source });
            VcpuGroup vcpus = await vm.StartVcpusAsync(
                [Steps.Reads([.. Enumerable.Range(0, Pages - 1).Select(p => (long)p)])], 1, source, CancellationToken.None);
            await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);
            Assert.Null(vcpus.Error);
            Assert.Equal(Pages - 1, vcpus.Faults);
            await Assert.ThrowsAsync<InvalidOperationException>(() => vm.UnmapAsync(region));
        }

        Assert.Equal(PageBytes.WordOf(5), theirs.Memory.ReadWord(5 * PageSize.Base));
        // The VM's was not the last copy, so the range is still registered; but theirs is now: closing it lets the last thread go.
        Toucher toucher = Toucher.Reads(theirs.Memory, (Pages - 1) * PageSize.Base);
        Assert.Equal(theirs.Memory.Address + ((Pages - 1) * PageSize.Base), theirs.NextMessage().Address);
        theirs.Uffd.Dispose();
        Assert.Equal(0ul, await Task.Run(toucher.Value).WaitAsync(LiveScene.Deadline));
    }

    [SkippableFact]
    public async Task Minor_faults_of_adopted_memory_are_served_through_a_second_mapping_of_its_descriptor()
    {
        ThisKernel.Require();
        using PageBytes source = new(Pages);
        using MemoryObject file = MemoryObject.CreateShmem("theirs", (Pages + 2) * PageSize.Base);
        using LiveRange theirs = new(GuestMemory.Map(file, 2 * PageSize.Base, Pages * PageSize.Base), RegisterModes.Minor);
        await using (UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live")))
        await using (UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 }))
        {
            GuestRegion region = await vm.AdoptMemoryAsync(new AdoptedMemory
            {
                Address = theirs.Memory.Address,
                Pages = Pages,
                Module = "shmem",
                Descriptor = (int)RawCalls.Duplicate(file.Handle.Number).Return,
                DescriptorOffset = 2 * PageSize.Base,
            });
            Userfault uffd = await vm.AdoptUserfaultAsync(new AdoptedUserfault { Descriptor = Copy(theirs.Uffd) });
            _ = await uffd.RegisterAsync(region, RegisterModes.Minor);
            await uffd.ServeAsync(new ServeOptions { Source = source });
            Assert.Equal(
                PageBytes.WordOf(3), await Task.Run(() => theirs.Memory.ReadWord(3 * PageSize.Base)).WaitAsync(LiveScene.Deadline));
            await (await uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);
        }

        Assert.Equal(PageBytes.WordOf(Pages - 1), theirs.Memory.ReadWord((Pages - 1) * PageSize.Base));
    }

    [SkippableFact]
    public async Task What_cannot_be_adopted_is_named()
    {
        ThisKernel.Require();
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        (int read, int write) = RawCalls.MakePipe();
        using UffdDescriptor young = UffdDescriptor.Open();

        ArgumentException refused =
            await Assert.ThrowsAsync<ArgumentException>(() => vm.AdoptUserfaultAsync(new AdoptedUserfault { Descriptor = read }));
        Assert.StartsWith($"Descriptor {read} of this process is no userfaultfd.", refused.Message, StringComparison.Ordinal);
        refused = await Assert.ThrowsAsync<ArgumentException>(
            () => vm.AdoptUserfaultAsync(new AdoptedUserfault { Descriptor = Copy(young) }));
        Assert.Contains("has not shaken hands", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<UffdException>(
            () => vm.AdoptMemoryAsync(new AdoptedMemory { Address = 1 << 30, Pages = 1, Module = "shmem", Descriptor = write }));

        refused = await Assert.ThrowsAsync<ArgumentException>(
            () => vm.AdoptMemoryAsync(new AdoptedMemory { Address = (1 << 30) + 512, Pages = 1 }));
        Assert.StartsWith("0x40000200 is not a multiple of the page size, 4096.", refused.Message, StringComparison.Ordinal);
        // Its size in bytes would be that of one page.
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => vm.MapAsync(new RegionOptions { Pages = (1L << 52) + 1 }));

        // Memory of another process is not touched, and not registered with a userfaultfd of this one.
        GuestRegion elsewhere = await vm.AdoptMemoryAsync(new AdoptedMemory { Address = 1 << 30, Pages = 1, IsInOtherProcess = true });
        Userfault own = await vm.OpenAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => own.RegisterAsync(elsewhere, RegisterModes.Missing));
        Assert.Throws<InvalidOperationException>(() => vm.NewReader().TryRead(elsewhere, 0, new byte[8]));
        VcpuGroup vcpu = await vm.StartVcpusAsync([Steps.Reads(0)]);
        await Assert.ThrowsAsync<InvalidOperationException>(() => vcpu.WaitAsync().WaitAsync(LiveScene.Deadline));

        await using UffdRuntime model = UffdRuntime.Start();
        await using UffdVm modelVm = await model.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        NotSupportedException unsupported = await Assert.ThrowsAsync<NotSupportedException>(
            () => modelVm.AdoptMemoryAsync(new AdoptedMemory { Address = 1 << 30, Pages = 1 }));
        Assert.Contains("uffd.world = live", unsupported.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_newcomer_in_another_process_serves_what_its_predecessor_had_read_and_left()
    {
        ThisKernel.Require();
        using LiveRange range = LiveRange.Of(MemoryBacking.Anonymous, Pages, RegisterModes.Missing);
        Toucher[] touchers = [.. new[] { 1, 1, 2, 5 }.Select(p => Toucher.Reads(range.Memory, p * PageSize.Base))];
        // The predecessor reads all of them but one, and is never heard of again.
        WaitUntil(() => range.Uffd.ReadFdInfo().Total == touchers.Length);
        for (int i = 0; i < touchers.Length - 1; i++) _ = range.NextMessage();
        Assert.Equal((1, 4), (range.Uffd.ReadFdInfo().Pending, range.Uffd.ReadFdInfo().Total));

        ProcessStartInfo start = Program.AsChild(
            "takeover", Text(Environment.ProcessId), Text(range.Uffd.Handle.Number), Text(range.Memory.Address), Text(Pages));
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        using Process newcomer = Process.Start(start)!;
        try
        {
            Assert.Equal("serving", await newcomer.StandardOutput.ReadLineAsync().WaitAsync(LiveScene.Deadline));
            ulong[] words = await Task.WhenAll(touchers.Select(t => Task.Run(t.Value))).WaitAsync(LiveScene.Deadline);
            Assert.Equal([PageBytes.WordOf(1), PageBytes.WordOf(1), PageBytes.WordOf(2), PageBytes.WordOf(5)], words);
            Assert.Equal(PageBytes.WordOf(9), await Task.Run(() => range.Memory.ReadWord(9 * PageSize.Base)).WaitAsync(LiveScene.Deadline));
            newcomer.StandardInput.Close();
            Assert.Equal("closed", await newcomer.StandardOutput.ReadLineAsync().WaitAsync(LiveScene.Deadline));
            await newcomer.WaitForExitAsync().WaitAsync(LiveScene.Deadline);
            Assert.Equal(0, newcomer.ExitCode);
        }
        finally
        {
            if (!newcomer.HasExited) newcomer.Kill();
        }

        // It pushed the rest before it closed its copy, and that was not the last one.
        Assert.Equal(PageBytes.WordOf(15), range.Memory.ReadWord(15 * PageSize.Base));
        Assert.Equal(0, range.Uffd.ReadFdInfo().Total);
    }

    private static int Copy(UffdDescriptor uffd) => (int)RawCalls.Duplicate(uffd.Handle.Number).Return;

    private static string Text<T>(T number)
        where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);

    private static void WaitUntil(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, LiveScene.Deadline));

    [SkippableFact]
    public async Task An_address_is_free_again_when_the_first_page_of_its_region_was_unmapped()
    {
        await using LiveScene scene = await LiveScene.StartAsync(new PageBytes(Pages));
        AdoptedMemory same = new() { Address = scene.Region.Address, Pages = 1, IsInOtherProcess = true };
        _ = await Assert.ThrowsAsync<InvalidOperationException>(() => scene.Vm.AdoptMemoryAsync(same));
        await scene.Vm.Kernel.UnmapAsync(scene.Region, new PageRange(1, 2), CancellationToken.None);
        _ = await Assert.ThrowsAsync<InvalidOperationException>(() => scene.Vm.AdoptMemoryAsync(same));
        await scene.Vm.Kernel.UnmapAsync(scene.Region, new PageRange(0, 1), CancellationToken.None);
        _ = await scene.Vm.AdoptMemoryAsync(same);
        await scene.Vm.UnmapAsync(scene.Region);
    }
}
