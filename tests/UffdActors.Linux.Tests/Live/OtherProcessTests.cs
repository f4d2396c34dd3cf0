using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;
using UffdActors.Linux.Live;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>
/// Memory of another process, which is named: it is read, scanned and advised on from here, as a VMM's is by its monitor.
/// </summary>
public sealed class OtherProcessTests
{
    private const int Pages = 16;

    [SkippableFact]
    public async Task A_hook_for_writes_reads_the_old_content_of_another_process_and_the_write_goes_on()
    {
        ThisKernel.Require();
        using PageBytes source = new(Pages);
        await using OwnerProcess owner =
            await OwnerProcess.StartAsync("anon", Pages, RegisterModes.Missing | RegisterModes.WriteProtect, UffdFeatures.None);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.AdoptMemoryAsync(owner.Memory(Pages, isNamed: true));
        Userfault uffd = await vm.AdoptUserfaultAsync(owner.Userfault());
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing | RegisterModes.WriteProtect);
        GuestReader reader = vm.NewReader();
        ConcurrentQueue<(long Page, ulong? Before)> seen = new();
        await uffd.ServeAsync(
            new ServeOptions { Source = source, BeforeWrite = (_, page) => seen.Enqueue((page, Word(reader, region, page))) });
        Assert.Equal($"{PageBytes.WordOf(3)}", await owner.DoAsync("read 3"));
        Assert.True((await uffd.ProtectAsync(region, 3, 1)).IsDone);

        Assert.Equal("written", await owner.DoAsync("write 3 77"));

        Assert.Equal([(3, PageBytes.WordOf(3))], seen);
        GuestReader after = vm.NewReader();
        Assert.Equal(77ul, Word(after, region, 3));
        // What is absent is told at once, and nobody is asked for it.
        Assert.Null(Word(after, region, 4));
        // The writer goes on before the reader hears that its page was cleared.
        await LiveScene.UntilAsync(() => uffd.Outstanding == 0);
        Assert.False(vm.Incidents.TryReadOther(out _));
        await uffd.AbandonAsync();
    }

    [SkippableFact]
    public async Task A_process_that_is_named_by_its_number_alone_is_another_one()
    {
        ThisKernel.Require();
        using PageBytes source = new(Pages);
        await using OwnerProcess owner = await OwnerProcess.StartAsync("anon", Pages, RegisterModes.Missing, UffdFeatures.None);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion own = await vm.MapAsync(new RegionOptions { Pages = 1 });
        GuestRegion region = await vm.AdoptMemoryAsync(owner.Memory(Pages, isNamed: true));
        Userfault uffd = await vm.AdoptUserfaultAsync(owner.Userfault());
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });

        // A source may answer from an address that means something else there.
        Assert.False(uffd.Kernel.Descriptor.MayFaultAt(PageRange.OfBytes(region.Address, region.Bytes)));
        // And vCPUs here are not the guest there, which may run on.
        await (await vm.StartVcpusAsync([new Testing.Guests.Steps([new GuestStep(own.Id, 0, IsWrite: true)])])).WaitAsync();
        await vm.DisposeAsync();
        UffdDescriptor left = ((LiveUserfault)uffd.Kernel).Uffd;
        Assert.False(left.Handle.IsClosed);
        Assert.Equal(IncidentKind.DescriptorLeftOpen, (await vm.Incidents.ReadOtherAsync()).Kind);
        LeftOpen.LetGo(left);
        left.Dispose();
    }

    [SkippableFact]
    public async Task A_hook_for_writes_to_memory_that_cannot_be_read_is_refused_before_anything_is_served()
    {
        ThisKernel.Require();
        using PageBytes source = new(Pages);
        await using OwnerProcess owner =
            await OwnerProcess.StartAsync("anon", Pages, RegisterModes.Missing | RegisterModes.WriteProtect, UffdFeatures.WpAsync);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.AdoptMemoryAsync(owner.Memory(Pages, isNamed: false));
        Userfault uffd = await vm.AdoptUserfaultAsync(owner.Userfault());
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing | RegisterModes.WriteProtect);

        InvalidOperationException refused = await Assert.ThrowsAsync<InvalidOperationException>(
            () => uffd.ServeAsync(new ServeOptions { Source = source, BeforeWrite = (_, _) => { } }));
        Assert.Contains("AdoptedMemory.ProcessId", refused.Message, StringComparison.Ordinal);
        foreach (Func<Task> call in new Func<Task>[] { () => uffd.TakeWrittenAsync(region, 0, Pages),
            () => vm.AdviseAsync(region, 0, 1, Advice.PageOut) })
            Assert.Contains(
                "AdoptedMemory.ProcessId", (await Assert.ThrowsAsync<InvalidOperationException>(call)).Message, StringComparison.Ordinal);
        Assert.Contains(
            "AdoptedMemory.ProcessId", Assert.Throws<InvalidOperationException>(() => Word(vm.NewReader(), region, 0)).Message,
            StringComparison.Ordinal);

        // Without the hook it is served as before.
        await uffd.ServeAsync(new ServeOptions { Source = source });
        Assert.Equal($"{PageBytes.WordOf(2)}", await owner.DoAsync("read 2"));
        await uffd.AbandonAsync();
    }

    [SkippableFact]
    public async Task What_another_process_writes_is_taken_and_what_is_removed_from_its_memory_with_it()
    {
        ThisKernel.Require();
        await using OwnerProcess owner = await OwnerProcess.StartAsync("shmem", Pages, RegisterModes.WriteProtect, UffdFeatures.WpAsync);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.AdoptMemoryAsync(owner.Memory(Pages, isNamed: true, withFile: true));
        Userfault uffd = await vm.AdoptUserfaultAsync(owner.Userfault());
        _ = await uffd.RegisterAsync(region, RegisterModes.WriteProtect);
        Assert.True((await uffd.ProtectAsync(region, 0, Pages)).IsDone);
        Assert.Empty(await uffd.TakeWrittenAsync(region, 0, Pages));

        foreach (int page in new[] { 1, 2, 7 }) Assert.Equal("written", await owner.DoAsync($"write {page} {page + 100}"));
        Assert.Equal([new PageRange(1, 3), new PageRange(7, 8)], await uffd.TakeWrittenAsync(region, 0, Pages));
        Assert.Empty(await uffd.TakeWrittenAsync(region, 0, Pages));

        await vm.AdviseAsync(region, 2, 1, Advice.Remove);
        Assert.Equal([new PageRange(2, 3)], await uffd.TakeWrittenAsync(region, 0, Pages));
        Assert.Null(Word(vm.NewReader(), region, 2));
        Assert.Equal("0", await owner.DoAsync("read 2"));

        // It has left the mapping, and the file has it.
        Assert.Equal("None", await owner.DoAsync("drop 7"));
        Assert.Equal(107ul, Word(vm.NewReader(), region, 7));
        UffdException refused = await Assert.ThrowsAsync<UffdException>(() => vm.AdviseAsync(region, 7, 1, Advice.DontNeed));
        Assert.Contains($"process {owner.Id} alone take pages", refused.Message, StringComparison.Ordinal);

        await owner.KillAsync();
        UffdException gone = await Assert.ThrowsAsync<UffdException>(() => uffd.TakeWrittenAsync(region, 0, Pages));
        Assert.Equal(Errno.ESRCH, gone.Error);
        Assert.Equal(Errno.ESRCH, Assert.Throws<UffdException>(() => Word(vm.NewReader(), region, 1)).Error);
    }

    [SkippableFact]
    public async Task Shared_memory_of_a_process_that_nobody_names_is_read_through_its_descriptor()
    {
        ThisKernel.Require();
        using PageBytes source = new(Pages);
        await using OwnerProcess owner = await OwnerProcess.StartAsync("shmem", Pages, RegisterModes.WriteProtect, UffdFeatures.None);
        Assert.Equal("written", await owner.DoAsync("write 5 55"));
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.AdoptMemoryAsync(owner.Memory(Pages, isNamed: false, withFile: true));
        Assert.Equal(55ul, Word(vm.NewReader(), region, 5));
    }

    [SkippableFact]
    public async Task What_is_taken_away_from_another_process_through_its_descriptor_is_zeros_as_if_an_event_had_told_of_it()
    {
        const RegisterModes Modes = RegisterModes.Missing | RegisterModes.Minor;
        ThisKernel.Require();
        using PageBytes source = new(Pages);
        await using OwnerProcess owner = await OwnerProcess.StartAsync("shmem", Pages, Modes, UffdFeatures.EventRemove);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.AdoptMemoryAsync(owner.Memory(Pages, isNamed: true, withFile: true) with { IsFilled = true });
        Userfault uffd = await vm.AdoptUserfaultAsync(owner.Userfault());
        _ = await uffd.RegisterAsync(region, Modes);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        Assert.Equal($"{PageBytes.WordOf(3)}", await owner.DoAsync("read 3"));

        await vm.AdviseAsync(region, 3, 2, Advice.Remove);

        Assert.Equal(PageState.Removed, uffd.NotedStateOf(region, 4));
        Assert.Equal("0", await owner.DoAsync("read 3"));
        Assert.Equal("0", await owner.DoAsync("read 4"));
        Assert.Equal($"{PageBytes.WordOf(5)}", await owner.DoAsync("read 5"));
        Assert.Equal(PageState.Removed, uffd.NotedStateOf(region, 3));
        await uffd.AbandonAsync();
    }

    [SkippableFact]
    public async Task What_the_kernel_does_not_take_away_is_not_noted_as_removed()
    {
        ThisKernel.Require();
        using PageBytes source = new(Pages);
        await using OwnerProcess owner = await OwnerProcess.StartAsync("anon", Pages, RegisterModes.Missing, UffdFeatures.EventRemove);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.AdoptMemoryAsync(owner.Memory(Pages, isNamed: true));
        Userfault uffd = await vm.AdoptUserfaultAsync(owner.Userfault());
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });

        await Assert.ThrowsAsync<UffdException>(() => vm.AdviseAsync(region, 3, 2, Advice.Remove));

        Assert.Equal($"{PageBytes.WordOf(3)}", await owner.DoAsync("read 3"));
        await uffd.AbandonAsync();
    }

    [SkippableFact]
    public async Task A_userfaultfd_of_yet_another_process_does_not_take_the_memory()
    {
        ThisKernel.Require();
        await using OwnerProcess owner = await OwnerProcess.StartAsync("anon", Pages, RegisterModes.Missing, UffdFeatures.None);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.AdoptMemoryAsync(owner.Memory(Pages, isNamed: true));
        Userfault uffd = await vm.AdoptUserfaultAsync(owner.Userfault() with { ProcessId = int.MaxValue });
        InvalidOperationException refused =
            await Assert.ThrowsAsync<InvalidOperationException>(() => uffd.RegisterAsync(region, RegisterModes.Missing));
        Assert.Contains($"process {owner.Id}, and process {int.MaxValue}", refused.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_process_that_is_not_there_is_named()
    {
        ThisKernel.Require();
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        UffdException refused = await Assert.ThrowsAsync<UffdException>(
            () => vm.AdoptMemoryAsync(new AdoptedMemory { Address = 1 << 30, Pages = 1, ProcessId = int.MaxValue }));
        Assert.Contains($"there is no process {int.MaxValue}", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>main has ended by pthread_exit: the process's own folder under /proc and its own number give ESRCH.</summary>
    [SkippableTheory]
    [InlineData("anon")]
    [InlineData("shmem")]
    public async Task A_process_whose_first_thread_has_ended_is_adopted_read_and_served_like_any_other(string module)
    {
        ThisKernel.Require();
        using PageBytes source = new(Pages);
        const RegisterModes Modes = RegisterModes.Missing | RegisterModes.WriteProtect;
        await using OwnerProcess owner = await OwnerProcess.StartAsync(module, Pages, Modes, UffdFeatures.WpAsync);
        Assert.Equal("left", await owner.DoAsync("leave 0"));
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.AdoptMemoryAsync(owner.Memory(Pages, isNamed: true, withFile: module == "shmem"));
        Userfault uffd = await vm.AdoptUserfaultAsync(owner.Userfault());
        _ = await uffd.RegisterAsync(region, module == "shmem" ? Modes | RegisterModes.Minor : Modes);
        await uffd.ServeAsync(new ServeOptions { Source = source });

        Assert.Equal($"{PageBytes.WordOf(3)}", await owner.DoAsync("read 3"));
        Assert.Equal(PageBytes.WordOf(3), Word(vm.NewReader(), region, 3));
        Assert.Equal("written", await owner.DoAsync("write 4 44"));
        // process_madvise takes a process, and no thread.
        UffdException refused = await Assert.ThrowsAsync<UffdException>(() => vm.AdviseAsync(region, 3, 1, Advice.PageOut));
        Assert.Contains($"the first thread of process {owner.Id} has ended", refused.Message, StringComparison.Ordinal);
        Assert.Equal([new PageRange(4, 5)], await uffd.TakeWrittenAsync(region, 3, 2));
        await owner.KillAsync();
        await uffd.AbandonAsync();
    }

    [SkippableFact]
    public async Task A_process_that_has_ended_and_is_not_waited_for_is_told_from_one_that_is_not_there()
    {
        ThisKernel.Require();
        // The child ends when its parent has become a program that waits for nobody.
        const string Unwaited = "sh -c 'until grep -q sleep /proc/$PPID/comm; do :; done' & echo $!; exec sleep 600";
        using System.Diagnostics.Process shell = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo("/bin/sh", ["-c", Unwaited]) { RedirectStandardOutput = true })!;
        try
        {
            string? number = await shell.StandardOutput.ReadLineAsync().WaitAsync(LiveScene.Deadline);
            int ended = int.Parse(number!, CultureInfo.InvariantCulture);
            await LiveScene.UntilAsync(() => File.ReadAllText($"/proc/{ended}/stat").Contains(") Z ", StringComparison.Ordinal));
            await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
            await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
            UffdException refused = await Assert.ThrowsAsync<UffdException>(
                () => vm.AdoptMemoryAsync(new AdoptedMemory { Address = 1 << 30, Pages = 1, ProcessId = ended }));
            Assert.Contains($"process {ended} has no memory any more", refused.Message, StringComparison.Ordinal);
        }
        finally
        {
            shell.Kill();
        }
    }

    private static ulong? Word(GuestReader reader, GuestRegion region, long page)
    {
        byte[] bytes = new byte[sizeof(ulong)];
        return reader.TryRead(region, page, bytes) ? MemoryMarshal.Read<ulong>(bytes) : null;
    }
}

/// <summary>Memory that was adopted without a descriptor, paged out.</summary>
[Collection(SwapCollection.Name)]
public sealed class OtherProcessSwapTests(SwapSpace swap)
{
    [SkippableFact]
    public async Task Shared_memory_without_a_descriptor_is_read_from_swap_and_its_holes_stay()
    {
        swap.Require();
        Skip.IfNot(Environment.IsPrivilegedProcess, "The file behind a mapping is opened by root only.");
        using MemoryObject file = MemoryObject.CreateShmem("theirs", 4 * PageSize.Base);
        using GuestMemory memory = GuestMemory.Map(file, PageSize.Base, 3 * PageSize.Base);
        memory.WriteWord(PageSize.Base, 22);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.AdoptMemoryAsync(new AdoptedMemory { Address = memory.Address, Pages = 3, Module = "shmem" });
        await vm.AdviseAsync(region, 0, 3, Advice.PageOut);
        await vm.AdviseAsync(region, 0, 3, Advice.DontNeed);
        byte[] bytes = new byte[8];
        for (int look = 0; look < 2; look++)
        {
            Assert.True(vm.NewReader().TryRead(region, 1, bytes));
            Assert.Equal(22ul, BitConverter.ToUInt64(bytes));
            Assert.False(vm.NewReader().TryRead(region, 0, bytes));
        }
    }

    [SkippableFact]
    public async Task Memory_of_another_process_is_paged_out_and_read()
    {
        swap.Require();
        await using OwnerProcess owner = await OwnerProcess.StartAsync("anon", 4, RegisterModes.WriteProtect, UffdFeatures.None);
        Assert.Equal("written", await owner.DoAsync("write 1 11"));
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.AdoptMemoryAsync(owner.Memory(4, isNamed: true));
        await vm.AdviseAsync(region, 0, 4, Advice.PageOut);
        byte[] bytes = new byte[8];
        Assert.True(vm.NewReader().TryRead(region, 1, bytes));
        Assert.Equal(11ul, BitConverter.ToUInt64(bytes));
        Assert.False(vm.NewReader().TryRead(region, 2, bytes));
    }
}
