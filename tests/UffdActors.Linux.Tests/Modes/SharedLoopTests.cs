using System.Globalization;
using Akka.Configuration;
using Akka.Dispatch;
using UffdActors.Dispatch;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Tests.Live;
using UffdActors.Testing.Guests;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>VMs that share fault loops: what becomes of one is of no other, unless the loop itself fails.</summary>
public sealed class SharedLoopTests
{
    private const int Pages = 64;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task VMs_are_spread_over_as_many_loops_as_are_set_and_all_are_served(string world)
    {
        await using UffdRuntime runtime = Start(world, loops: 2);
        List<Guest> guests = [];
        for (int i = 0; i < 6; i++) guests.Add(await Guest.StartAsync(runtime));
        Assert.Equal([3, 3], guests.GroupBy(g => g.Lane.Loop).Select(g => g.Count()));
        foreach (Guest guest in guests) await guest.ReadAllAsync();

        // The next one takes the place of those that have ended.
        FaultLoop emptier = guests[0].Lane.Loop;
        foreach (Guest guest in guests.Where(g => g.Lane.Loop == emptier).ToArray()) await guest.DisposeAsync();
        await using Guest late = await Guest.StartAsync(runtime);
        Assert.Same(emptier, late.Lane.Loop);
        await late.ReadAllAsync();
        foreach (Guest guest in guests) await guest.DisposeAsync();
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task The_end_of_a_VM_and_the_failure_of_one_leave_the_others_running(string world)
    {
        await using UffdRuntime runtime = Start(world, loops: 1);
        await using Guest disposed = await Guest.StartAsync(runtime);
        await using Guest failed = await Guest.StartAsync(runtime);
        await using Guest stays = await Guest.StartAsync(runtime);
        VcpuGroup reading = await stays.BeginAsync();
        failed.Lane.Execute(new ThrowingRun());
        await disposed.DisposeAsync();

        Assert.Equal("out of a run", (await failed.Vm.Failed.WaitAsync(LiveScene.Deadline)).Message);
        await reading.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Null(reading.Error);
        Assert.False(stays.Vm.Failed.IsCompleted);
        await using Guest next = await Guest.StartAsync(runtime);
        await next.ReadAllAsync();
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_loop_that_fails_fails_all_of_its_VMs_loudly(string world)
    {
        await using UffdRuntime runtime = Start(world, loops: 2);
        Guest[] guests =
            [await Guest.StartAsync(runtime), await Guest.StartAsync(runtime), await Guest.StartAsync(runtime)];
        Assert.Same(guests[0].Lane.Loop, guests[2].Lane.Loop);
        guests[0].Lane.Loop.Execute(new ThrowingRun());
        foreach (Guest guest in new[] { guests[0], guests[2] })
        {
            _ = await guest.Vm.Failed.WaitAsync(LiveScene.Deadline);
            Assert.Equal(IncidentKind.VmFailed, (await guest.Vm.Incidents.ReadOtherAsync()).Kind);
            _ = await Assert.ThrowsAsync<VmFailedException>(() => guest.Vm.MapAsync(new RegionOptions { Pages = 1 }));
        }

        await guests[1].ReadAllAsync();
        foreach (Guest guest in guests) await guest.DisposeAsync();
        await using Guest next = await Guest.StartAsync(runtime);
        await next.ReadAllAsync();
    }

    [SkippableTheory]
    [InlineData("model", 0)]
    [InlineData("model", 2)]
    [InlineData("live", 0)]
    [InlineData("live", 2)]
    public async Task Dispatchers_of_VMs_that_have_ended_are_used_again(string world, int loops)
    {
        await using UffdRuntime runtime = Start(world, loops);
        HashSet<string> used = [];
        for (int round = 0; round < 5; round++)
        {
            await using Guest first = await Guest.StartAsync(runtime);
            await using Guest second = await Guest.StartAsync(runtime);
            _ = used.Add(first.Vm.Context.DispatcherId);
            _ = used.Add(second.Vm.Context.DispatcherId);
            await first.ReadAllAsync();
            await second.ReadAllAsync();
        }

        Assert.Equal(2, used.Count);
    }

    [SkippableFact]
    public async Task A_VM_that_names_its_CPU_has_a_loop_of_its_own_and_shared_ones_are_placed_as_set()
    {
        ThisKernel.Require();
        int[] allowed = ThreadPlacement.AllowedCpus();
        await using UffdRuntime runtime = Start("live", loops: 1, FormattableString.Invariant($"uffd.fault-loop.cpu = {allowed[^1]}"));
        await using Guest shared = await Guest.StartAsync(runtime);
        await using UffdVm own = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1, Cpu = allowed[0] });
        Assert.Equal((allowed[^1], allowed[0]), (shared.Vm.Place.LoopCpu, own.Place.LoopCpu));
        _ = Assert.IsType<FaultLoop>(own.Context.Time);
        TaskCompletionSource<string> cpus = new();
        shared.Lane.Execute(new ActionRun(() => cpus.SetResult(CpusOfThisThread())));
        Assert.Equal(allowed[^1].ToString(CultureInfo.InvariantCulture), await cpus.Task.WaitAsync(LiveScene.Deadline));
    }

    [SkippableFact]
    public async Task Settings_that_no_loop_can_have_are_refused()
    {
        await using UffdRuntime negative = Start("model", -1);
        UffdConfigurationException refused =
            await Assert.ThrowsAsync<UffdConfigurationException>(() => negative.CreateVmAsync(new VmOptions { MemoryPages = 1 }));
        Assert.Contains("uffd.fault-loop.loops = -1", refused.Message, StringComparison.Ordinal);
        await using UffdRuntime far = Start("model", 1, "uffd.fault-loop.cpu = 4095");
        refused = await Assert.ThrowsAsync<UffdConfigurationException>(() => far.CreateVmAsync(new VmOptions { MemoryPages = 1 }));
        Assert.Contains("CPU 4095 is not available", refused.Message, StringComparison.Ordinal);
    }

    // The loop would wait for itself.
    [SkippableFact]
    public async Task Bytes_in_absent_memory_of_another_VM_of_the_loop_are_refused()
    {
        ThisKernel.Require();
        await using UffdRuntime runtime = Start("live", loops: 1);
        await using Guest absent = await Guest.StartAsync(runtime);
        using ScriptedSource source = new(Pages)
        {
            Script = (order, receiver) =>
            {
                receiver.Received(order.Id, order.FirstPage, 1, SourceContent.Bytes, (nint)absent.Region.AddressOf(60));
                return true;
            },
        };
        await using Guest asks = await Guest.StartAsync(runtime, source);
        VcpuGroup vcpu = await asks.BeginAsync();
        Incident incident = await asks.Vm.Incidents.ReadOtherAsync();
        Assert.Contains($"bytes at 0x{absent.Region.AddressOf(60):x}, ", incident.Message, StringComparison.Ordinal);
        source.ComeBack();
        await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);
    }

    // More at once than are read in one turn.
    [SkippableFact]
    public async Task A_crowd_of_threads_is_served_to_the_last()
    {
        ThisKernel.Require();
        const int Threads = 400;
        using PageBytes source = new(Threads);
        await using UffdRuntime runtime = Start("live", loops: 1);
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Threads });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        Task<Errno>[] reads = [.. Enumerable.Range(0, Threads).Select(i => KernelRead.Start(region.AddressOf(i)))];
        UffdActors.Linux.Userfaultfd.UffdDescriptor descriptor = ((UffdActors.Linux.Live.LiveDescriptor)uffd.Kernel.Descriptor).Uffd;
        Assert.True(SpinWait.SpinUntil(() => descriptor.ReadFdInfo().Pending == Threads, LiveScene.Deadline));
        await uffd.ServeAsync(new ServeOptions { Source = source });
        Assert.All(await Task.WhenAll(reads).WaitAsync(LiveScene.Deadline), e => Assert.Equal(Errno.None, e));
    }

    private static UffdRuntime Start(string world, int loops, string config = "")
    {
        if (world == "live") ThisKernel.Require();
        return UffdRuntime.Start(
            ConfigurationFactory.ParseString(FormattableString.Invariant($"uffd.fault-loop.loops = {loops}\n{config}"))
                .WithFallback(UffdSettings.Profile(world)));
    }

    private static string CpusOfThisThread()
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{ThreadPlacement.ThreadId}/status");
        const string Field = "Cpus_allowed_list:";
        return File.ReadLines(path).First(l => l.StartsWith(Field, StringComparison.Ordinal))[Field.Length..].Trim();
    }

    private sealed class Guest : IAsyncDisposable
    {
        private PageBytes? _own;

        public required UffdVm Vm { get; init; }

        public required GuestRegion Region { get; init; }

        public LoopLane Lane => (LoopLane)Vm.Context.Time;

        public static async Task<Guest> StartAsync(UffdRuntime runtime, IPageSource? source = null)
        {
            PageBytes? own = source is null ? new PageBytes(Pages) : null;
            UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1024 });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source ?? own! });
            return new Guest { Vm = vm, Region = region, _own = own };
        }

        public Task<VcpuGroup> BeginAsync() => Vm.StartVcpusAsync([Steps.Reads([.. Enumerable.Range(0, Pages).Select(p => (long)p)])]);

        public async Task ReadAllAsync()
        {
            VcpuGroup vcpus = await BeginAsync();
            await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);
            Assert.Null(vcpus.Error);
            Assert.Equal(Pages, vcpus.Accesses);
        }

        public async ValueTask DisposeAsync()
        {
            await Vm.DisposeAsync();
            _own?.Dispose();
        }
    }

    private sealed class ActionRun(Action body) : IRunnable
    {
        public void Run() => body();

        public void Execute() => body();
    }

    private sealed class ThrowingRun : IRunnable
    {
        public void Run() => throw new InvalidOperationException("out of a run");

        public void Execute() => Run();
    }
}
