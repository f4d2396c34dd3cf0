using System.Diagnostics;
using System.Runtime.InteropServices;
using UffdActors.Abi;
using UffdActors.Linux.Live;
using UffdActors.Linux.Native;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>
/// A process forks while its memory is served: what is absent in the child waits, and is to be had from the same source. Alone, for a child
/// of this process shares its private pages, which the kernel does not move then (EBUSY).
/// </summary>
[Collection(Modes.Unmapping.Name)]
public sealed class ForkTests
{
    private const int Pages = 16;

    // Of the first byte of every page.
    private const byte Sum = 15 * 16 / 2;

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_forked_child_is_served_from_the_same_source_by_demand_or_push(bool pushed)
    {
        await using LiveScene scene = await LiveScene.StartAsync(new PageBytes(Pages), UffdFeatures.EventFork);
        using RawFork fork = new();
        using EventGate gate = new();
        Assert.Equal(Errno.None, await KernelRead.Start(scene.Region.Address + PageSize.Base).WaitAsync(LiveScene.Deadline));

        int child = await Task.Run(() => fork.Start(scene.Region.Address, Pages, gate.Number)).WaitAsync(LiveScene.Deadline);

        Assert.Contains("Userfault.TakeChildren", (await scene.IncidentAsync(IncidentKind.ForkedChild)).Message, StringComparison.Ordinal);
        AdoptedUserfault taken = Assert.Single(scene.Uffd.TakeChildren());
        Assert.True(taken.IsOfOtherProcess);
        Assert.Empty(scene.Uffd.TakeChildren());
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region =
            await vm.AdoptMemoryAsync(new AdoptedMemory { Address = scene.Region.Address, Pages = Pages, ProcessId = child });
        Userfault uffd = await vm.AdoptUserfaultAsync(taken with { ProcessId = child });
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = scene.Source });
        if (pushed)
        {
            // The page that the parent had at the fork is there.
            BackgroundPush push = await uffd.PushAsync(region, scene.Source);
            await push.WaitAsync().WaitAsync(LiveScene.Deadline);
            Assert.Equal((Pages, Pages - 1), (push.ReceivedPages, push.Pages + push.ZeroPages));
        }

        gate.Open();
        Assert.Equal(Sum, await Task.Run(() => RawFork.SumOf(child)).WaitAsync(LiveScene.Deadline));
        Assert.Equal(pushed ? 0 : Pages - 1, uffd.Faults);
        // The parent has what it had, and is served as before.
        Assert.Equal(1, scene.Uffd.ReceivedOf(scene.Region).Count);
        Assert.Equal(Errno.None, await KernelRead.Start(scene.Region.Address + (9 * PageSize.Base)).WaitAsync(LiveScene.Deadline));
        await uffd.AbandonAsync();
    }

    [SkippableTheory]
    [InlineData(null, false)]
    [InlineData(null, true)]
    [InlineData("shmem", false)]
    public async Task What_was_given_back_before_the_fork_is_zeros_in_the_child_and_asked_of_no_source(string? module, bool pushed)
    {
        using PageBytes source = new(Pages);
        await using LiveScene scene = await LiveScene.StartAsync(
            source, UffdFeatures.EventFork | UffdFeatures.EventRemove, module: module);
        using RawFork fork = new();
        using EventGate gate = new();
        Assert.Equal(Errno.None, await KernelRead.Start(scene.Region.Address + PageSize.Base).WaitAsync(LiveScene.Deadline));
        Advice advice = module is null ? Advice.DontNeed : Advice.Remove;
        await scene.Vm.AdviseAsync(scene.Region, 1, 1, advice).WaitAsync(LiveScene.Deadline);
        await scene.Vm.AdviseAsync(scene.Region, 8, 4, advice).WaitAsync(LiveScene.Deadline);

        int child = await Task.Run(() => fork.Start(scene.Region.Address, Pages, gate.Number)).WaitAsync(LiveScene.Deadline);

        _ = await scene.IncidentAsync(IncidentKind.ForkedChild);
        AdoptedUserfault taken = Assert.Single(scene.Uffd.TakeChildren());
        long first = PageSize.PageOf(scene.Region.Address);
        Assert.Equal([new(first + 1, first + 2), new(first + 8, first + 12)], taken.Removed);
        // What is given back from here on is the parent's alone.
        if (module is null) await scene.Vm.AdviseAsync(scene.Region, 2, 1, advice).WaitAsync(LiveScene.Deadline);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.AdoptMemoryAsync(
            new AdoptedMemory { Address = scene.Region.Address, Pages = Pages, ProcessId = child, Module = module });
        Userfault uffd = await vm.AdoptUserfaultAsync(taken with { ProcessId = child });
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = scene.Source });
        if (pushed) await (await uffd.PushAsync(region, scene.Source)).WaitAsync().WaitAsync(LiveScene.Deadline);

        gate.Open();
        byte sum = await Task.Run(() => RawFork.SumOf(child)).WaitAsync(LiveScene.Deadline);
        Assert.Equal(Sum - (byte)(1 + 8 + 9 + 10 + 11), sum);
        await uffd.AbandonAsync();
    }

    [SkippableFact]
    public async Task A_child_that_nobody_takes_sleeps_on_when_the_VM_is_gone_and_can_be_taken_later()
    {
        LiveScene scene = await LiveScene.StartAsync(new PageBytes(Pages), UffdFeatures.EventFork);
        int child;
        using RawFork fork = new();
        await using (scene)
        {
            child = await Task.Run(() => fork.Start(scene.Region.Address + (9 * PageSize.Base))).WaitAsync(LiveScene.Deadline);
            _ = await scene.IncidentAsync(IncidentKind.ForkedChild);
        }

        int descriptor = Assert.Single(scene.Uffd.TakeChildren()).Descriptor;
        await LiveScene.UntilAsync(() => UffdFdInfo.Read(Environment.ProcessId, descriptor).Total == 1);
        RawFork.Kill(child);
        // Who looks into /proc keeps its memory a moment longer.
        await LiveScene.UntilAsync(() => ForkedChildren.HasEnded(descriptor));
        Assert.Equal(Errno.None, RawCalls.Close(descriptor).Error);
    }

    [SkippableFact]
    public async Task Children_that_have_ended_are_nobodys_to_take()
    {
        await using LiveScene scene = await LiveScene.StartAsync(new PageBytes(Pages), UffdFeatures.EventFork);
        using RawFork fork = new();
        Assert.Equal(Errno.None, await KernelRead.Start(scene.Region.Address + PageSize.Base).WaitAsync(LiveScene.Deadline));
        for (int i = 0; i < 3; i++)
        {
            int child = await Task.Run(() => fork.Start(scene.Region.Address + PageSize.Base)).WaitAsync(LiveScene.Deadline);
            Assert.Equal((byte)PageBytes.WordOf(1), await Task.Run(() => RawFork.SumOf(child)).WaitAsync(LiveScene.Deadline));
        }

        for (int i = 0; i < 3; i++) _ = await scene.IncidentAsync(IncidentKind.ForkedChild);
        Assert.Empty(scene.Uffd.TakeChildren());
    }

    [SkippableTheory]
    [InlineData("wait", "forks, not read, told once, a fault is read meanwhile, read, child 9, parent 3")]
    [InlineData("close", "forks, not read, told once, a fault is read meanwhile, left open, fork is queued")]
    public async Task A_fork_for_which_there_is_no_descriptor_waits_and_ends_nothing(string way, string expected)
    {
        ThisKernel.Require();
        using (RawFork _ = new())
        {
            // Of this architecture only.
        }

        ProcessStartInfo start = Program.AsChild("forks", way);
        start.RedirectStandardOutput = true;
        using Process process = Process.Start(start)!;
        try
        {
            string said = await process.StandardOutput.ReadToEndAsync().WaitAsync(LiveScene.Deadline);
            Assert.Equal(expected, said.Trim().ReplaceLineEndings(", "));
            await process.WaitForExitAsync().WaitAsync(LiveScene.Deadline);
            Assert.Equal(0, process.ExitCode);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    /// <summary>An eventfd that children wait for.</summary>
    private sealed class EventGate : IDisposable
    {
        public int Number { get; } = RawCalls.MakeBlockingEvent();

        public void Open()
        {
            using NativeBuffer one = new(sizeof(ulong));
            one.Write(0, MemoryMarshal.AsBytes<ulong>([1]));
            Assert.Equal(Errno.None, RawCalls.Write(Number, (ulong)one.Address, sizeof(ulong)).Error);
        }

        public void Dispose() => _ = RawCalls.Close(Number);
    }
}
