using UffdActors.Abi;
using UffdActors.Linux.Live;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Native;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Tests.Live;

/// <summary>A process of its own that forks when it may open no descriptor more.</summary>
internal static class ForkWithoutDescriptor
{
    private const int SysPrlimit = 302;
    private const int LimitOfFiles = 7;

    public static async Task RunAsync(bool closes)
    {
        using RawFork fork = new();
        LiveScene scene = await LiveScene.StartAsync(new PageBytes(16), UffdFeatures.EventFork);
        ulong address = scene.Region.Address;
        await using (scene)
        {
            // Everything once, so that nothing has to be loaded later.
            Assert.Equal(Errno.None, await KernelRead.Start(address + PageSize.Base).WaitAsync(LiveScene.Deadline));
            Assert.Equal(1, RawFork.SumOf(await Task.Run(() => fork.Start(address + PageSize.Base))));
            _ = await scene.IncidentAsync(IncidentKind.ForkedChild);
            Assert.Empty(scene.Uffd.TakeChildren());

            // A thread that starts needs descriptors, too.
            using SemaphoreSlim forks = new(0);
            using SemaphoreSlim touches = new(0);
            Task<int> forking = Begin(forks, () => fork.Start(address + (9 * PageSize.Base)));
            GuestMemory memory = ((LiveKernel)scene.Vm.Kernel).MemoryOf(scene.Region).Guest;
            Task<ulong> touching = Begin(touches, () => memory.ReadWord(3 * PageSize.Base));
            Program.Say("forks");
            await StartPoolAsync();
            // Those that this process began with keep all that are left; and poll takes no more descriptors than there may be.
            ulong limit = SetLimit(3);
            try
            {
                _ = forks.Release();
                await MeetAsync(scene, touches);
                if (closes) await CloseAsync(scene, forking, limit);
                else await GoOnAsync(scene, forking, touching, limit);
            }
            finally
            {
                _ = SetLimit(limit);
            }
        }
    }

    private static async Task MeetAsync(LiveScene scene, SemaphoreSlim touches)
    {
        Incident lack = await scene.IncidentAsync(IncidentKind.EventNotRead);
        Program.Say(lack.Message.Contains("RLIMIT_NOFILE", StringComparison.Ordinal) ? "not read" : lack.Message);
        // Until the event has been read it cannot be filled, but it is known.
        long faults = scene.Uffd.Faults;
        _ = touches.Release();
        await LiveScene.UntilAsync(() => scene.Uffd.Faults > faults);
        bool again = scene.Vm.Incidents.TryReadOther(out Incident? more);
        Program.Say(again ? $"told again: {more!.Message}" : "told once");
        Program.Say("a fault is read meanwhile");
    }

    private static async Task GoOnAsync(LiveScene scene, Task<int> forking, Task<ulong> touching, ulong limit)
    {
        _ = SetLimit(limit);
        int child = await forking.WaitAsync(LiveScene.Deadline);
        while (await scene.Vm.Incidents.ReadOtherAsync() is { Kind: not IncidentKind.ForkedChild } other)
        {
            if (other.Kind == IncidentKind.EventNotRead) Program.Say($"told again: {other.Message}");
        }

        Program.Say("read");
        using UffdDescriptor taken = UffdDescriptor.Adopt(Assert.Single(scene.Uffd.TakeChildren()).Descriptor);
        using NativeBuffer page = new(PageSize.Base);
        page.Write(0, [9]);
        Assert.True(taken.Copy(scene.Region.Address + (9 * PageSize.Base), (ulong)page.Address, PageSize.Base).IsDone);
        Program.Say($"child {RawFork.SumOf(child)}");
        Program.Say($"parent {await touching.WaitAsync(LiveScene.Deadline) - PageBytes.WordOf(0)}");
    }

    private static async Task CloseAsync(LiveScene scene, Task<int> forking, ulong limit)
    {
        await scene.Vm.DisposeAsync();
        _ = SetLimit(limit);
        bool left = false;
        while (scene.Vm.Incidents.TryReadOther(out Incident? last))
            left |= last.Kind == IncidentKind.EventNotRead && last.Message.Contains("left open", StringComparison.Ordinal);
        Program.Say(left ? "left open" : "closed");
        using MessageBatch batch = new(1);
        bool isQueued = ((LiveDescriptor)scene.Uffd.Kernel.Descriptor).Uffd.Read(batch) == Errno.None && batch[0].Event == UffdEvent.Fork;
        Program.Say(isQueued ? "fork is queued" : "fork went on");
        RawFork.Kill(await forking.WaitAsync(LiveScene.Deadline));
    }

    private static Task<T> Begin<T>(SemaphoreSlim gate, Func<T> call) => Task.Factory.StartNew(
        () =>
        {
            gate.Wait();
            return call();
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);

    // As many threads of the pool as may be needed while none can start.
    private static async Task StartPoolAsync()
    {
        int threads = Math.Max(8, Environment.ProcessorCount);
        _ = ThreadPool.SetMinThreads(threads, threads);
        // Where they are slow the pool would begin more.
        _ = ThreadPool.SetMaxThreads(threads, threads);
        using Barrier all = new(threads);
        await Task.WhenAll(Enumerable.Range(0, threads).Select(_ => Task.Run(all.SignalAndWait)));
    }

    private static unsafe ulong SetLimit(ulong files)
    {
        ulong* before = stackalloc ulong[2];
        Assert.Equal(0, Libc.Syscall(SysPrlimit, 0, LimitOfFiles, 0, (nint)before, 0, 0));
        ulong* limit = stackalloc ulong[2];
        limit[0] = files;
        limit[1] = before[1];
        Assert.Equal(0, Libc.Syscall(SysPrlimit, 0, LimitOfFiles, (nint)limit, 0, 0, 0));
        return before[0];
    }
}
