using Akka.Configuration;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.Guests;
using UffdActors.Tests.Runtime;

namespace UffdActors.Tests.Failure;

/// <summary>Disposing of a VM, and giving up on a call, leave nobody waiting and nothing unsaid (RING L3, F20).</summary>
public sealed class ClosingTests
{
    private const int Pages = 8;

    [Fact]
    public void Whoever_waits_when_a_VM_is_disposed_of_is_told() => Stepped(async (runtime, vm) =>
    {
        (VcpuGroup vcpus, BackgroundPush push, GuestRegion unread, TestSource source) = await BusyAsync(vm);
        using TestSource owned = source;
        Task[] pending = [vcpus.WaitAsync(), push.WaitAsync(), vm.AdviseAsync(unread, 0, 1, Advice.DontNeed)];
        await vm.DisposeAsync();
        foreach (Task task in pending) _ = await Assert.ThrowsAsync<VmFailedException>(() => task);
    });

    [Fact]
    public void Every_call_on_a_VM_that_was_disposed_of_is_refused_at_once() => Stepped(async (runtime, vm) =>
    {
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        using TestSource source = new(Pages);
        await vm.DisposeAsync();
        Func<Task>[] calls =
        [
            () => vm.MapAsync(new RegionOptions { Pages = 1 }),
            () => vm.UnmapAsync(region),
            () => vm.AdviseAsync(region, 0, 1, Advice.DontNeed),
            () => vm.OpenAsync(),
            () => vm.StartVcpusAsync([Steps.Reads(0)]),
            () => uffd.RegisterAsync(region, RegisterModes.Missing),
            () => uffd.ServeAsync(new ServeOptions { Source = source }),
            () => uffd.PushAsync(region, source),
            () => uffd.CloseAsync(),
        ];
        foreach (Func<Task> call in calls) _ = await Assert.ThrowsAsync<ObjectDisposedException>(call);
        await runtime.DisposeAsync();
        _ = await Assert.ThrowsAsync<ObjectDisposedException>(() => runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 }));
    });

    [Fact]
    public async Task Disposing_twice_at_the_same_time_waits_for_one_end()
    {
        await using UffdRuntime runtime = UffdRuntime.Start();
        UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () => await vm.DisposeAsync())));
        await runtime.DisposeAsync();
        await runtime.DisposeAsync();
    }

    [Fact]
    public async Task A_turn_that_blocks_is_reported_at_the_deadline_and_its_memory_is_kept()
    {
        using BlockingSource source = new();
        UffdRuntime runtime = UffdRuntime.Start(ConfigurationFactory.ParseString("uffd.close-timeout = 50ms"));
        UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        _ = await vm.StartVcpusAsync([Steps.Reads(0)]);
        await source.Asked;

        TimeoutException late = await Assert.ThrowsAsync<TimeoutException>(async () => await vm.DisposeAsync());
        Assert.Contains("Its memory is kept", late.Message, StringComparison.Ordinal);
        // On a slow machine the turn may have been reported as blocked before.
        while ((await vm.Incidents.ReadAsync()).Kind is var kind && kind != IncidentKind.CloseTimedOut)
            Assert.Equal(IncidentKind.BlockingCall, kind);
        source.LetGo();
        // Without a deadline of its own: the turn is over, so the actors end, sooner or later.
        await runtime.System.Terminate();
        await runtime.DisposeAsync();
    }

    [Fact]
    public void A_call_that_is_cancelled_before_its_turn_is_not_issued() => Stepped(async (runtime, vm) =>
    {
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        using CancellationTokenSource cancel = new();
        Task unmap = vm.UnmapAsync(region, cancel.Token);
        await cancel.CancelAsync();
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => unmap);
        // One call later, it would have been carried out.
        _ = await vm.OpenAsync();
        Assert.NotEmpty(vm.AddressSpace.Map.Vmas.ToArray());
        Assert.False(vm.Incidents.TryRead(out _));
    });

    [Fact]
    public void A_call_that_is_cancelled_after_it_was_issued_is_reported_when_it_ends() => Stepped(async (runtime, vm) =>
    {
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync(UffdFeatures.EventRemove);
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        using CancellationTokenSource cancel = new();
        Task advise = vm.AdviseAsync(region, 0, 1, Advice.DontNeed, cancel.Token);
        while (uffd.Context.UnreadEvents == 0) await Task.Yield();
        await cancel.CancelAsync();
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => advise);

        // Serving reads the event, and that lets the call go on.
        using TestSource source = new(Pages);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(1)]);
        await vcpus.WaitAsync();
        Incident incident = await vm.Incidents.ReadAsync();
        Assert.Equal(
            (IncidentKind.CancelledCallEnded, "madvise was cancelled after it had been issued, and has succeeded."),
            (incident.Kind, incident.Message));
    });

    private static async Task<(VcpuGroup Vcpus, BackgroundPush Push, GuestRegion Unread, TestSource Source)> BusyAsync(UffdVm vm)
    {
        TestSource source = new(Pages) { AnswersAtOnce = false, HoldsBack = true };
        GuestRegion served = await vm.MapAsync(new RegionOptions { Pages = Pages });
        GuestRegion unread = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(served, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        Userfault deaf = await vm.OpenAsync(UffdFeatures.EventRemove);
        _ = await deaf.RegisterAsync(unread, RegisterModes.Missing);
        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(0, 1)]);
        return (vcpus, await uffd.PushAsync(served, source), unread, source);
    }

    private static void Stepped(Func<UffdRuntime, UffdVm, Task> body)
    {
        using SteppedHost host = new();
        host.Run(async () =>
        {
            await using UffdVm vm = await host.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 256 });
            await body(host.Runtime, vm);
        });
    }

    /// <summary>Breaks the rule that a source must not block.</summary>
    private sealed class BlockingSource : IPageSource
    {
        private readonly SemaphoreSlim _go = new(0);
        private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long Pages => ClosingTests.Pages;

        public bool AnswersAtOnce => true;

        public Task Asked => _asked.Task;

        public void LetGo() => _go.Release();

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            _ = _asked.TrySetResult();
            _go.Wait();
            receiver.Received(order.Id, order.FirstPage, 1, SourceContent.Zero, 0);
        }

        public void Dispose() => _go.Dispose();
    }
}
