using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Dispatch;
using UffdActors.Dispatch.Stepping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Testing.Guests;
using UffdActors.Tests.Runtime;

namespace UffdActors.Tests.Failure;

/// <summary>
/// An actor of the ring that throws in a turn is a bug of ours: the VM fails closed, and everybody who waits is told (RING F2). Nobody
/// hangs, whatever he waits for and whichever actor it was.
/// </summary>
public sealed class FailClosedTests
{
    private const int Pages = 8;

    private static readonly string[] Names = ["mm", "vma", "context", "thread", "backend", "vcpu"];

    public static TheoryData<string> RingActors => [.. Names];

    [Theory]
    [MemberData(nameof(RingActors))]
    public void Every_call_under_way_ends_when_an_actor_throws_in_any_order_of_messages(string actor)
    {
        using SteppedHost host = new();
        for (ulong seed = 0; seed < 20; seed++)
        {
            host.Loop.Policy = new RandomPolicy(seed);
            host.Run(() => FailAsync(host.Runtime, actor));
        }
    }

    [Theory]
    [InlineData("fault-loop")]
    [InlineData("parallel")]
    public async Task Every_call_under_way_ends_when_an_actor_throws_on_real_threads(string dispatcher)
    {
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile(dispatcher));
        foreach (string actor in Names) await FailAsync(runtime, actor);
    }

    [Fact]
    public void The_incident_says_who_threw_on_what_and_shows_the_state()
    {
        using SteppedHost host = new();
        host.Run(async () =>
        {
            await using UffdVm vm = await host.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages, Module = "shmem" });
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            Poison(vm, vm.AddressSpace);
            Incident incident = await vm.Incidents.ReadAsync();

            Assert.Equal(IncidentKind.VmFailed, incident.Kind);
            Assert.Contains("mm-", incident.Message, StringComparison.Ordinal);
            Assert.Contains(nameof(NullReferenceException), incident.Message, StringComparison.Ordinal);
            Assert.Contains("shmem Missing", incident.State, StringComparison.Ordinal);
            Assert.Contains("0 unread of 0 sleeping threads", incident.State, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task An_exception_out_of_a_run_fails_the_VMs_of_the_loop_and_leaves_others_alone()
    {
        await using UffdRuntime runtime = UffdRuntime.Start();
        await using UffdVm healthy = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
        UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
        ((FaultLoop)vm.Context.Time).Execute(new ThrowingRun());

        Assert.Equal("out of a run", (await vm.Failed).Message);
        Assert.Equal(IncidentKind.VmFailed, (await vm.Incidents.ReadAsync()).Kind);
        _ = await Assert.ThrowsAsync<VmFailedException>(() => vm.MapAsync(new RegionOptions { Pages = 1 }));
        // The thread has survived: it is what ends the VM's actors.
        await vm.DisposeAsync();
        _ = await healthy.MapAsync(new RegionOptions { Pages = 1 });
        Assert.False(healthy.Failed.IsCompleted);
    }

    private static async Task FailAsync(UffdRuntime runtime, string actor)
    {
        using TestSource source = new(Pages) { AnswersAtOnce = false, HoldsBack = true };
        UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 256 });
        GuestRegion served = await vm.MapAsync(new RegionOptions { Pages = Pages });
        GuestRegion unread = await vm.MapAsync(new RegionOptions { Pages = Pages, Module = "shmem" });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(served, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        // Nobody reads this one: a call that raises an event on it waits for ever.
        Userfault deaf = await vm.OpenAsync(UffdFeatures.EventRemove);
        _ = await deaf.RegisterAsync(unread, RegisterModes.Missing);

        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(0, 1), Steps.Reads(0, 2)]);
        BackgroundPush push = await uffd.PushAsync(served, source);
        Task[] pending = [vcpus.WaitAsync(), push.WaitAsync(), vm.AdviseAsync(unread, 0, 1, Advice.DontNeed)];
        while (deaf.Context.UnreadEvents == 0) await Task.Yield();
        Assert.All(pending, p => Assert.False(p.IsCompleted));

        switch (actor)
        {
            case "vcpu":
                vcpus.Actors[1].Tell(Broken(vm));
                break;
            default:
                Poison(vm, OwnerOf(vm, uffd, served, unread, actor));
                break;
        }

        Assert.IsType<NullReferenceException>(await vm.Failed);
        foreach (Task task in pending) _ = await Assert.ThrowsAsync<VmFailedException>(() => task);
        _ = await Assert.ThrowsAsync<VmFailedException>(() => vm.MapAsync(new RegionOptions { Pages = 1 }));
        _ = await Assert.ThrowsAsync<VmFailedException>(() => vm.StartVcpusAsync([Steps.Reads(0)]));
        _ = await Assert.ThrowsAsync<VmFailedException>(() => uffd.PushAsync(served, source));
        _ = await Assert.ThrowsAsync<VmFailedException>(() => uffd.CloseAsync());
        await vm.DisposeAsync();
    }

    private static Owner OwnerOf(UffdVm vm, Userfault uffd, GuestRegion served, GuestRegion unread, string actor) => actor switch
    {
        "mm" => vm.AddressSpace,
        "vma" => vm.AddressSpace.Map.Find(PageSize.PageOf(served.Address))!.Owner,
        "context" => uffd.Context,
        "thread" => vm.Main,
        _ => vm.AddressSpace.Map.Find(PageSize.PageOf(unread.Address))!.Backend!,
    };

    private static void Poison(UffdVm vm, Owner owner) => ((ActorPort)owner.Port).Self.Tell(Broken(vm));

    /// <summary>A call that was never aimed: its first stage throws in whoever's turn it is.</summary>
    private static Register Broken(UffdVm vm) => new(vm.NewThread(), null!, 0, 0, 0);

    private sealed class ThrowingRun : Akka.Dispatch.IRunnable
    {
        public void Run() => throw new InvalidOperationException("out of a run");

        public void Execute() => Run();
    }
}
