using System.Globalization;
using Akka.Actor;
using Akka.Configuration;
using UffdActors.Dispatch;
using UffdActors.Linux.Live;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Testing.Guests;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>Where the threads of a live VM run, and how its loop waits.</summary>
public sealed class PlacementTests
{
    private const int Pages = 256;

    [SkippableFact]
    public async Task Loop_and_vcpus_are_bound_to_the_cpus_that_were_asked_for()
    {
        ThisKernel.Require();
        int[] allowed = ThreadPlacement.AllowedCpus();
        (int loop, int vcpu) = (allowed[0], allowed[^1]);
        AllowedCpus seen = await AskAsync(new VmOptions { MemoryPages = 1, Cpu = loop, VcpuCpu = vcpu }, "");
        Assert.Equal(new AllowedCpus($"{loop}", $"{vcpu}"), seen);
    }

    [SkippableFact]
    public async Task Vcpus_follow_their_loop_if_nothing_else_is_said()
    {
        ThisKernel.Require();
        int last = ThreadPlacement.AllowedCpus()[^1];
        AllowedCpus seen = await AskAsync(new VmOptions { MemoryPages = 1 }, $"uffd.fault-loop.cpu = {last}");
        Assert.Equal(new AllowedCpus($"{last}", $"{last}"), seen);
    }

    [SkippableFact]
    public async Task A_loop_that_polls_busily_does_not_sleep_between_faults()
    {
        ThisKernel.Require();
        using CountingSource source = new();
        await using UffdRuntime runtime = Start("uffd.fault-loop.busy-poll-us = 600000000");
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        VcpuGroup vcpus = await RunAsync(vm, source);
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Null(vcpus.Error);
        Assert.Equal(0, source.Sleeps);
    }

    [SkippableFact]
    public async Task A_loop_sleeps_while_nobody_reads_a_fault_and_serves_it_later()
    {
        ThisKernel.Require();
        using PageBytes source = new(Pages);
        await using UffdRuntime runtime = Start("");
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        TaskCompletionSource<int> loop = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = await vm.Root.StartActorAsync(
            Props.Create<ThreadTeller>(loop).WithDispatcher(vm.Context.DispatcherId), vm.Root.NewName("teller"));
        int thread = await loop.Task.WaitAsync(LiveScene.Deadline);
        Task<Errno> waits = KernelRead.Start(region.Address);
        UffdDescriptor descriptor = ((LiveDescriptor)uffd.Kernel.Descriptor).Uffd;
        Assert.True(SpinWait.SpinUntil(() => descriptor.ReadFdInfo().Pending == 1, LiveScene.Deadline));
        // One that spins is running, or waits for its CPU, but for the moment in which it is woken.
        int asleep = 0;
        Assert.True(
            SpinWait.SpinUntil(() => (asleep = StatusOf(thread, "State").StartsWith('S') ? asleep + 1 : 0) == 100, LiveScene.Deadline));

        await uffd.ServeAsync(new ServeOptions { Source = source });
        Assert.Equal(Errno.None, await waits.WaitAsync(LiveScene.Deadline));
        // And it is polled as before.
        Assert.Equal(Errno.None, await KernelRead.Start(region.Address + 4096).WaitAsync(LiveScene.Deadline));
    }

    private static async Task<AllowedCpus> AskAsync(VmOptions options, string config)
    {
        using CountingSource source = new();
        await using UffdRuntime runtime = Start(config);
        await using UffdVm vm = await runtime.CreateVmAsync(options);
        PlacedWork work = new();
        VcpuGroup vcpus = await RunAsync(vm, source, work);
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);
        return new AllowedCpus(source.Cpus!, work.Cpus!);
    }

    private static UffdRuntime Start(string config) =>
        UffdRuntime.Start(ConfigurationFactory.ParseString(config).WithFallback(UffdSettings.Profile("live")));

    private static async Task<VcpuGroup> RunAsync(UffdVm vm, IPageSource source, IWorkload? work = null)
    {
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        return await vm.StartVcpusAsync([work ?? Steps.Reads([.. Enumerable.Range(0, Pages).Select(p => (long)p)])]);
    }

    private static string OwnStatus(string field) => StatusOf(ThreadPlacement.ThreadId, field);

    private static string StatusOf(int thread, string field)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{thread}/status");
        return File.ReadLines(path).First(l => l.StartsWith(field + ":", StringComparison.Ordinal))[(field.Length + 1)..].Trim();
    }

    /// <summary>Tells on which thread it is started.</summary>
    private sealed class ThreadTeller(TaskCompletionSource<int> thread) : UntypedActor
    {
        protected override void PreStart() => thread.SetResult(ThreadPlacement.ThreadId);

        protected override void OnReceive(object message) => Unhandled(message);
    }

    private sealed record AllowedCpus(string Loop, string Vcpu);

    /// <summary>One read, and a look at the thread that asks for it.</summary>
    private sealed class PlacedWork : IWorkload
    {
        public string? Cpus { get; private set; }

        public void Reset()
        {
        }

        public bool TryNext(out GuestStep step)
        {
            step = new GuestStep(0, 0, false);
            if (Cpus is not null) return false;
            Cpus = OwnStatus("Cpus_allowed_list");
            return true;
        }
    }

    /// <summary>Pages of zeros, and a look at the thread that asks for them: the loop's.</summary>
    private sealed class CountingSource : IPageSource
    {
        private long _first = -1;
        private long _last;

        public long Pages => PlacementTests.Pages;

        public bool AnswersAtOnce => true;

        public string? Cpus { get; private set; }

        /// <summary>How often the loop slept from the first request to the last.</summary>
        public long Sleeps => _last - _first;

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            _last = ((DescriptorWaiter)FaultLoop.Current!.Waiter).Sleeps;
            if (_first < 0) _first = _last;
            Cpus ??= OwnStatus("Cpus_allowed_list");
            receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Zero, 0);
        }

        public void Dispose()
        {
        }
    }
}
