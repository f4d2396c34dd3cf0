using Akka.Actor;
using UffdActors.Linux.Tests.Live;
using UffdActors.Model;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.Guests;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>
/// Calls at the same time, after the end, and with values out of their range: the same outcome in both worlds, and never a guest that
/// hangs.
/// </summary>
public sealed class MisuseTests
{
    private const int Pages = 4;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_region_that_is_being_registered_when_serving_begins_is_served(string world)
    {
        const int Regions = 24;
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion first = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        GuestRegion[] regions = new GuestRegion[Regions];
        for (int i = 0; i < Regions; i++) regions[i] = await vm.MapAsync(Pages);
        using ManualResetEventSlim go = new();
        Task[] registering = [
            .. regions.Select(r => Task.Run(() => { go.Wait(); return vm.Uffd.RegisterAsync(r, RegisterModes.Missing); }))];
        Task serving = Task.Run(() => { go.Wait(); return vm.Uffd.ServeAsync(new ServeOptions { Source = source }); });

        go.Set();
        await Task.WhenAll(registering).WaitAsync(LiveScene.Deadline);
        await serving.WaitAsync(LiveScene.Deadline);

        foreach (GuestRegion region in regions.Append(first))
        {
            await vm.WriteAsync(region, 0, Pages - 1);
            Assert.Equal(PageBytes.WordOf(1), await TouchedAsync(vm, region, 1));
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_registration_that_is_begun_before_serving_is_served_though_nobody_waits_for_it(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.MapAsync(Pages);

        Task<UffdIoctls> registering = vm.Uffd.RegisterAsync(region, RegisterModes.Missing);
        Task serving = vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await Task.WhenAll(registering, serving).WaitAsync(LiveScene.Deadline);

        Assert.Equal(PageBytes.WordOf(1), await TouchedAsync(vm, region, 1));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Of_many_that_serve_at_once_one_does(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);

        Exception?[] outcomes = await AtOnceAsync(() => vm.Uffd.ServeAsync(new ServeOptions { Source = source }));

        Assert.Single(outcomes, e => e is null);
        Assert.All(
            outcomes.Where(e => e is not null),
            e => Assert.Contains("served already", Assert.IsType<InvalidOperationException>(e).Message, StringComparison.Ordinal));
        Assert.Equal(PageBytes.WordOf(2), await TouchedAsync(vm, region, 2));
        Assert.Equal(1, vm.Uffd.Faults);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Of_many_that_register_one_region_at_once_one_does(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.MapAsync(Pages);

        Exception?[] outcomes = await AtOnceAsync(() => vm.Uffd.RegisterAsync(region, RegisterModes.Missing));

        Assert.Single(outcomes, e => e is null);
        Assert.All(
            outcomes.Where(e => e is not null),
            e => Assert.Contains("already", Assert.IsType<InvalidOperationException>(e).Message, StringComparison.Ordinal));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_call_that_is_given_up_before_its_turn_leaves_the_turn_to_the_next(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion[] regions = [await vm.MapAsync(Pages), await vm.MapAsync(Pages), await vm.MapAsync(Pages)];
        using CancellationTokenSource stop = new();

        Task<UffdIoctls> first = vm.Uffd.RegisterAsync(regions[0], RegisterModes.Missing);
        Task<UffdIoctls> second = vm.Uffd.RegisterAsync(regions[1], RegisterModes.Missing, stop.Token);
        await stop.CancelAsync();
        Task<UffdIoctls> third = vm.Uffd.RegisterAsync(regions[2], RegisterModes.Missing);

        _ = await first.WaitAsync(LiveScene.Deadline);
        _ = await third.WaitAsync(LiveScene.Deadline);
        _ = await Record.ExceptionAsync(() => second.WaitAsync(LiveScene.Deadline));
        _ = await vm.Uffd.RegisterAsync(await vm.MapAsync(Pages), RegisterModes.Missing).WaitAsync(LiveScene.Deadline);
    }

    [SkippableTheory]
    [InlineData("model", false)]
    [InlineData("model", true)]
    [InlineData("live", false)]
    [InlineData("live", true)]
    public async Task After_its_close_every_call_on_a_userfaultfd_says_so(string world, bool isAbandoned)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, UffdFeatures.None);
        GuestRegion region = await vm.MapAsync(Pages);
        GuestRegion registered = await vm.RegisterAsync(Pages, RegisterModes.Missing | RegisterModes.WriteProtect);
        if (isAbandoned) await vm.Uffd.AbandonAsync();
        else await vm.Uffd.CloseAsync();

        foreach (Func<Task> call in new Func<Task>[]
        {
            () => vm.Uffd.RegisterAsync(region, RegisterModes.Missing),
            () => vm.Uffd.UnregisterAsync(registered),
            () => vm.Uffd.ProtectAsync(registered, 0, 1),
            () => vm.Uffd.UnprotectAsync(registered, 0, 1),
            () => vm.Uffd.TakeWrittenAsync(registered, 0, 1),
            () => vm.Uffd.PageStatesAsync(registered, 0, 1),
            () => vm.Uffd.MoveAsync(registered, 0, region, 0, 1),
            () => vm.Uffd.PoisonAsync(registered, 0, 1),
            () => vm.Uffd.ServeAsync(new ServeOptions { Source = source }),
            () => vm.Uffd.PushAsync(registered, source),
            () => vm.Uffd.AbandonAsync(),
        })
        {
            await Assert.ThrowsAsync<ObjectDisposedException>(() => call().WaitAsync(LiveScene.Deadline));
        }

        await vm.Uffd.CloseAsync().WaitAsync(LiveScene.Deadline);
        vm.Uffd.Recover();
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_VM_whose_actor_system_its_owner_has_terminated_ends_every_call_and_can_be_disposed_of(string world)
    {
        if (world == "live") ThisKernel.Require();
        using PageBytes source = new(Pages) { Withholds = true };
        ActorSystem system = ActorSystem.Create("lender", UffdSettings.Profile(world));
        await using UffdRuntime runtime = UffdRuntime.Borrow(system);
        UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
        GuestRegion free = await vm.MapAsync(new RegionOptions { Pages = Pages });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup vcpu = await vm.StartVcpusAsync([new Steps(new GuestStep(region.Id, 0, IsWrite: false))]);
        Task waiting = vcpu.WaitAsync();
        await source.Asked.Task.WaitAsync(LiveScene.Deadline);

        await system.Terminate().WaitAsync(LiveScene.Deadline);

        // Whoever waited for the vCPU is told by its actor, which has ended first.
        _ = await Assert.ThrowsAsync<VmFailedException>(() => waiting.WaitAsync(LiveScene.Deadline));
        _ = await Assert.ThrowsAsync<VmFailedException>(() => vcpu.WaitAsync().WaitAsync(LiveScene.Deadline));
        foreach (Func<Task> call in new Func<Task>[]
        {
            () => vm.MapAsync(new RegionOptions { Pages = Pages }),
            () => vm.UnmapAsync(free),
            () => vm.AdviseAsync(free, 0, 1, Advice.DontNeed),
            () => vm.OpenAsync(),
            () => vm.StartVcpusAsync([Steps.Reads(0)]),
            () => uffd.RegisterAsync(free, RegisterModes.Missing),
            () => uffd.UnregisterAsync(region),
            () => uffd.ProtectAsync(region, 0, 1),
            () => uffd.PageStatesAsync(region, 0, 1),
            () => uffd.PoisonAsync(region, 0, 1),
            () => uffd.ServeAsync(new ServeOptions { Source = source }),
            () => uffd.PushAsync(region, source),
            () => uffd.AbandonAsync(),
            () => uffd.CloseAsync(),
            () => runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 }),
        })
        {
            VmFailedException failed = await Assert.ThrowsAsync<VmFailedException>(() => call().WaitAsync(LiveScene.Deadline));
            Assert.Contains("terminated by its owner", failed.Message, StringComparison.Ordinal);
        }

        _ = await vm.Failed.WaitAsync(LiveScene.Deadline);
        await vm.DisposeAsync().AsTask().WaitAsync(LiveScene.Deadline);
        List<IncidentKind> incidents = [];
        await foreach (Incident incident in vm.Incidents.ReadAllAsync()) incidents.Add(incident.Kind);
        Assert.Contains(IncidentKind.VmFailed, incidents);
        Assert.DoesNotContain(IncidentKind.CloseTimedOut, incidents);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task An_option_out_of_its_range_is_refused_by_name_and_value(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        _ = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        VmOptions machine = new() { MemoryPages = 16 };
        ServeOptions serve = new() { Source = source };

        foreach ((string says, Func<Task> call) in new (string, Func<Task>)[]
        {
            ("MemoryPages = 0", () => vm.Runtime.CreateVmAsync(machine with { MemoryPages = 0 })),
            ("HugePages = -1", () => vm.Runtime.CreateVmAsync(machine with { HugePages = -1 })),
            ("Cpu = -7", () => vm.Runtime.CreateVmAsync(machine with { Cpu = -7 })),
            ("VcpuCpu = -1", () => vm.Runtime.CreateVmAsync(machine with { VcpuCpu = -1 })),
            ("Content = 77", () => vm.Runtime.CreateVmAsync(machine with { Content = (ContentKind)77 })),
            ("AbsentPagesAtDisposal = 77", () => vm.Runtime.CreateVmAsync(machine with { AbsentPagesAtDisposal = (AbsentPages)77 })),
            ("policy = 77",
                () => vm.Runtime.CreateVmAsync(
                    machine with { Watchdog = new WatchdogOptions(TimeSpan.FromSeconds(1), (WatchdogPolicy)77) })),
            ("Handlers = 0", () => vm.Uffd.ServeAsync(serve with { Handlers = 0 })),
            ("Handlers = 2147483647", () => vm.Uffd.ServeAsync(serve with { Handlers = int.MaxValue })),
            ("SourcePatience", () => vm.Uffd.ServeAsync(serve with { SourcePatience = TimeSpan.FromSeconds(-2) })),
            ("Resume = 77", () => vm.Uffd.ServeAsync(serve with { Resume = (SourceResume)77 })),
            ("absent", () => vm.Uffd.AbandonAsync((AbsentPages)77)),
            ("kind = 77", () => vm.Vm.StartVcpusAsync([new SyntheticWorkload((WorkloadKind)77, 1, 1, 0, 1, 0, 1)])),
            ("writeRatio = NaN", () => vm.Vm.StartVcpusAsync([new SyntheticWorkload(WorkloadKind.Random, 1, 1, double.NaN, 1, 0, 1)])),
        })
        {
            ArgumentOutOfRangeException refused = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(call);
            Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        }

        UffdConfigurationException cpu =
            await Assert.ThrowsAsync<UffdConfigurationException>(() => vm.Runtime.CreateVmAsync(machine with { VcpuCpu = 9999 }));
        Assert.Contains("CPU 9999", cpu.Message, StringComparison.Ordinal);
        await vm.Uffd.ServeAsync(serve);
    }

    // The content of a page that a vCPU has read.
    private static async Task<ulong?> TouchedAsync(EitherWorld vm, GuestRegion region, long page)
    {
        VcpuGroup vcpu = await vm.StartAsync(region, isWrite: false, page);
        await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);
        return vm.Word(region, page, sizeof(ulong) * 200);
    }

    private static async Task<Exception?[]> AtOnceAsync(Func<Task> call)
    {
        const int Callers = 8;
        using ManualResetEventSlim go = new();
        Task<Exception?>[] calls = [.. Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
        {
            go.Wait();
            return (Exception?)await Record.ExceptionAsync(call);
        }))];
        go.Set();
        return await Task.WhenAll(calls).WaitAsync(LiveScene.Deadline);
    }
}
