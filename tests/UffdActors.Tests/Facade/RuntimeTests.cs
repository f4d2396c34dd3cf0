using Akka.Actor;
using Akka.Configuration;
using UffdActors.Failures;
using UffdActors.Testing.Guests;
using UffdActors.Tests.Runtime;

namespace UffdActors.Tests.Facade;

/// <summary>What an embedder can rely on.</summary>
public sealed class RuntimeTests
{
    [Fact]
    public async Task A_borrowed_actor_system_stays_the_lenders_and_can_be_lent_again()
    {
        using ActorSystem system = ActorSystem.Create("lender");
        for (int i = 0; i < 2; i++)
        {
            await using (UffdRuntime runtime = UffdRuntime.Borrow(system)) await FaultOnceAsync(runtime);
            Assert.False(system.WhenTerminated.IsCompleted);
        }
    }

    [Fact]
    public async Task Two_runtimes_may_borrow_one_actor_system_at_the_same_time()
    {
        using ActorSystem system = ActorSystem.Create("lender");
        await using UffdRuntime one = UffdRuntime.Borrow(system);
        await using UffdRuntime other = UffdRuntime.Borrow(system);
        await using UffdVm ofOne = await one.CreateVmAsync(new VmOptions { MemoryPages = 16 });
        await using UffdVm ofOther = await other.CreateVmAsync(new VmOptions { MemoryPages = 16 });
        Assert.NotEqual(ofOne.Name, ofOther.Name);
        Assert.NotSame(ofOne.Context.Time, ofOther.Context.Time);
        await FaultOnceAsync(one);
        await FaultOnceAsync(other);
    }

    [Fact]
    public async Task A_VM_takes_over_the_CPU_of_one_that_is_gone()
    {
        await using UffdRuntime runtime = UffdRuntime.Start();
        UffdVm first = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 16 });
        await using UffdVm second = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 16 });
        Assert.Equal((0, 1), (first.LoopPlace.Number, second.LoopPlace.Number));
        await first.DisposeAsync();
        await first.DisposeAsync();
        await using UffdVm third = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 16 });
        Assert.Equal(0, third.LoopPlace.Number);
        await Assert.ThrowsAsync<UffdConfigurationException>(() => runtime.CreateVmAsync(new VmOptions { MemoryPages = 16, Cpu = 9999 }));
        await using UffdVm fourth = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 16 });
        Assert.Equal(2, fourth.LoopPlace.Number);
    }

    [Fact]
    public async Task An_owned_actor_system_ends_with_the_runtime()
    {
        UffdRuntime runtime = UffdRuntime.Start();
        ActorSystem system = runtime.System;
        await FaultOnceAsync(runtime);
        await runtime.DisposeAsync();
        Assert.True(system.WhenTerminated.IsCompleted);
    }

    [Theory]
    [InlineData("uffd.version = 2", "uffd.version = 2 is not supported; this program understands version 1.")]
    [InlineData(
        "uffd.dispatcher = \"uffd.turbo\"",
        "uffd.dispatcher = uffd.turbo: there is no such dispatcher; use uffd.fault-loop, uffd.parallel or uffd.stepped.")]
    [InlineData("uffd.handler-crash-limit = 0", "uffd.handler-crash-limit = 0: must be at least 1.")]
    [InlineData("uffd.push-chunk-pages = many", "uffd.push-chunk-pages = many: must be a whole number.")]
    [InlineData("uffd.version = 99999999999", "uffd.version = 99999999999: must be a whole number.")]
    [InlineData("uffd.incident-capacity = -5", "uffd.incident-capacity = -5: must be at least 1.")]
    public void A_configuration_that_means_nothing_is_refused_in_one_line(string hocon, string message)
    {
        UffdConfigurationException refused =
            Assert.Throws<UffdConfigurationException>(() => UffdRuntime.Start(ConfigurationFactory.ParseString(hocon)));
        Assert.Equal(message, refused.Message);
    }

    [Fact]
    public void Incidents_are_bounded_the_oldest_go_and_are_counted()
    {
        IncidentLog log = new(capacity: 3);
        for (int i = 0; i < 10; i++) log.Report(new Incident(IncidentKind.FillRefused, $"{i}"));
        Assert.Equal(7, log.Dropped);
        List<string> kept = [];
        while (log.Reader.TryRead(out Incident? incident)) kept.Add(incident.Message);
        Assert.Equal(["7", "8", "9"], kept);
    }

    [Fact]
    public async Task A_VM_keeps_as_many_incidents_as_the_configuration_says()
    {
        await using UffdRuntime runtime = UffdRuntime.Start(ConfigurationFactory.ParseString("uffd.incident-capacity = 2"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 16 });
        for (int i = 0; i < 5; i++) vm.Context.Incidents.Report(new Incident(IncidentKind.FillRefused, $"{i}"));
        Assert.Equal(3, vm.DroppedIncidents);
        Assert.True(vm.Incidents.TryRead(out Incident? oldest));
        Assert.Equal("3", oldest.Message);
    }

    [Fact]
    public async Task Many_threads_may_use_one_VM_at_the_same_time()
    {
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("parallel"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1024 });
        await Task.WhenAll(Enumerable.Range(0, 12).Select(i => Task.Run(async () =>
        {
            using TestSource source = new(4);
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = 4, Module = i % 2 == 0 ? "shmem" : null });
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source });
            BackgroundPush push = await uffd.PushAsync(region, source);
            await push.WaitAsync();
            await uffd.CloseAsync();
            await vm.UnmapAsync(region);
        })));
        Assert.Equal(12, vm.Regions.Select(r => r.Id).Distinct().Count());
        Assert.Empty(vm.AddressSpace.Map.Vmas.ToArray());
        Assert.False(vm.Incidents.TryRead(out _));
    }

    private static async Task FaultOnceAsync(UffdRuntime runtime)
    {
        using TestSource source = new(1);
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 16 });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = 1 });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(0)]);
        await vcpus.WaitAsync();
        Assert.Equal((1L, (string?)null), (vcpus.Accesses, vcpus.Error));
    }
}
