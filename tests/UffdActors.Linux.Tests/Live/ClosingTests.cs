using UffdActors.Linux.Live;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model.Memory;
using UffdActors.Testing.Guests;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>
/// A userfaultfd is given up while a thread of the embedder, of which the VM knows nothing, waits for an absent page: it never reads zeros,
/// unless the embedder says so (RING L3). A test that leaves one open closes it at its end.
/// </summary>
public sealed class ClosingTests
{
    private const int Pages = 16;
    private const int Page = 3;

    public static TheoryData<string> Ends => ["abandon", "dispose", "runtime", "fail"];

    [SkippableTheory]
    [MemberData(nameof(Ends))]
    public async Task A_thread_that_waits_for_a_page_stays_asleep_and_one_incident_says_so(string end)
    {
        await using Scene scene = await Scene.StartAsync();

        await scene.EndAsync(end);

        Incident left = Assert.Single(scene.Incidents(), i => i.Kind != IncidentKind.VmFailed);
        Assert.Equal(IncidentKind.DescriptorLeftOpen, left.Kind);
        Assert.Contains($"{Pages} pages are absent and 1 threads wait", left.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(VmOptions.StopGuest), left.Message, StringComparison.Ordinal);
        // Nor is it closed by a collection: nobody holds it any more but the runtime.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.Equal(1, scene.Uffd.ReadFdInfo().Total);
        Assert.Contains(
            scene.Region.Address.ToString("x", System.Globalization.CultureInfo.InvariantCulture) + "-",
            await File.ReadAllTextAsync("/proc/self/maps"), StringComparison.Ordinal);
        Assert.False(scene.Read.IsCompleted);
    }

    [SkippableTheory]
    [MemberData(nameof(Ends))]
    public async Task A_guest_that_the_embedder_stops_is_stopped_once_before_anything_is_closed(string end)
    {
        int stopped = 0;
        int waiting = 0;
        Scene? started = null;
        await using Scene scene = started = await Scene.StartAsync(new VmOptions
        {
            MemoryPages = 1,
            StopGuest = _ =>
            {
                stopped++;
                waiting = started!.Uffd.ReadFdInfo().Total;
                return Task.CompletedTask;
            },
        });

        await scene.EndAsync(end);

        Assert.DoesNotContain(scene.Incidents(), i => i.Kind != IncidentKind.VmFailed);
        Assert.True(scene.Uffd.Handle.IsClosed);
        // Who was stopped makes no use of it.
        Assert.Equal(0ul, await scene.Read.WaitAsync(LiveScene.Deadline));
        Assert.Equal((1, 1), (stopped, waiting));
    }

    [SkippableTheory]
    [InlineData("abandon", "throws")]
    [InlineData("dispose", "throws")]
    [InlineData("fail", "throws")]
    [InlineData("dispose", "never ends")]
    [InlineData("abandon", "never ends")]
    public async Task A_guest_that_could_not_be_stopped_is_taken_to_run_on(string end, string how)
    {
        await using Scene scene = await Scene.StartAsync(
            new VmOptions
            {
                MemoryPages = 1,
                StopGuest = _ => how == "throws" ? throw new InvalidOperationException("no such guest") : new TaskCompletionSource().Task,
            },
            // As long as what never ends is waited for; and what has to be done beside it may take a while.
            how == "throws" ? "" : "uffd.close-timeout = 8s");

        await scene.EndAsync(end);
        await scene.Vm.DisposeAsync();

        IReadOnlyList<Incident> incidents = [.. scene.Incidents().Where(i => i.Kind != IncidentKind.VmFailed)];
        Assert.Equal(
            [IncidentKind.GuestNotStopped, IncidentKind.DescriptorLeftOpen],
            incidents.Select(i => i.Kind).Where(k => k != IncidentKind.CloseTimedOut));
        Assert.Contains(how == "throws" ? "no such guest" : "has not ended within", incidents[0].Message, StringComparison.Ordinal);
        Assert.Equal(1, scene.Uffd.ReadFdInfo().Total);
        Assert.False(scene.Read.IsCompleted);
    }

    [SkippableTheory]
    [InlineData("take the loss")]
    [InlineData("dispose")]
    [InlineData("runtime")]
    [InlineData("fail")]
    [InlineData("abandon")]
    public async Task Absent_pages_are_zeros_only_for_who_asks_for_it(string end)
    {
        await using Scene scene = await Scene.StartAsync(
            new VmOptions
            {
                MemoryPages = 1,
                AbsentPagesAtDisposal = end == "take the loss" ? AbsentPages.StayAbsent : AbsentPages.ReadAsZeros,
            });

        if (end == "take the loss") await scene.Served.AbandonAsync(AbsentPages.ReadAsZeros);
        else await scene.EndAsync(end);
        // What an abandoned one left open, the VM's end closes.
        if (end == "abandon") await scene.Vm.DisposeAsync();

        Assert.Equal(0ul, await scene.Read.WaitAsync(LiveScene.Deadline));
        Assert.True(scene.Uffd.Handle.IsClosed);
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_thread_beside_the_vCPUs_is_not_forgotten_whether_or_not_its_fault_was_read(bool isServed)
    {
        await using Scene scene = await Scene.StartAsync(isServed: isServed, readsAtOnce: false);
        VcpuGroup vcpus = await scene.Vm.StartVcpusAsync([Steps.Reads(Page + 1)]);
        scene.BeginRead();
        await LiveScene.UntilAsync(() => scene.Uffd.ReadFdInfo().Total == 2);

        await scene.EndAsync("dispose");

        Assert.Equal(IncidentKind.DescriptorLeftOpen, Assert.Single(scene.Incidents()).Kind);
        Assert.Equal(2, scene.Uffd.ReadFdInfo().Total);
        Assert.Equal(0, vcpus.Accesses);
        await Assert.ThrowsAsync<VmFailedException>(() => vcpus.WaitAsync());
    }

    [SkippableFact]
    public async Task A_guest_of_threads_is_closed_when_every_page_is_there()
    {
        ThisKernel.Require();
        using PageBytes source = new(Pages);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        Assert.Equal(Errno.None, await KernelRead.Start(region.Address).WaitAsync(LiveScene.Deadline));
        await (await uffd.PushAsync(region, source)).WaitAsync().WaitAsync(LiveScene.Deadline);

        await vm.DisposeAsync();

        Assert.True(((LiveUserfault)uffd.Kernel).Uffd.Handle.IsClosed);
        Assert.False(vm.Incidents.TryReadOther(out Incident? incident), incident?.Message);
    }

    [SkippableTheory]
    [InlineData("model", null, RegisterModes.Missing)]
    [InlineData("live", null, RegisterModes.Missing)]
    [InlineData("model", "shmem", RegisterModes.Minor)]
    [InlineData("live", "shmem", RegisterModes.Minor)]
    public async Task A_thread_that_waits_while_nothing_is_served_is_not_let_go_with_zeros(
        string world, string? module, RegisterModes modes)
    {
        using PageBytes source = new(Pages);
        await using Modes.EitherWorld vm = await Modes.EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, modes, module);
        VcpuGroup vcpu = await vm.Vm.StartVcpusAsync([Steps.Reads(Page)], 1, source, CancellationToken.None);
        await vm.MessageAsync();

        InvalidOperationException refused = await Assert.ThrowsAsync<InvalidOperationException>(() => vm.Uffd.CloseAsync());
        Assert.StartsWith("Threads wait in the userfaultfd (1), which nothing serves; closing", refused.Message, StringComparison.Ordinal);
        refused = await Assert.ThrowsAsync<InvalidOperationException>(() => vm.Uffd.UnregisterAsync(region));
        Assert.Contains("unregistering now", refused.Message, StringComparison.Ordinal);

        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Null(vcpu.Error);
        await vm.Uffd.AbandonAsync();
    }

    [SkippableTheory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task One_that_was_taken_over_and_never_served_is_left_open_unless_the_guest_is_stopped(bool waits, bool isStopped)
    {
        ThisKernel.Require();
        using LiveRange theirs = LiveRange.Of(MemoryBacking.Anonymous, Pages, RegisterModes.Missing);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        UffdVm vm = await runtime.CreateVmAsync(
            new VmOptions { MemoryPages = 1, StopGuest = isStopped ? static _ => Task.CompletedTask : null });
        Userfault uffd = await vm.AdoptUserfaultAsync(
            new AdoptedUserfault { Descriptor = (int)Native.RawCalls.Duplicate(theirs.Uffd.Handle.Number).Return });
        Toucher? toucher = waits ? Toucher.Reads(theirs.Memory, Page * PageSize.Base) : null;
        if (waits)
        {
            await LiveScene.UntilAsync(() => theirs.Uffd.ReadFdInfo().Total == 1);
            await Assert.ThrowsAsync<InvalidOperationException>(() => uffd.CloseAsync());
        }

        await vm.DisposeAsync();

        UffdDescriptor adopted = ((LiveUserfault)uffd.Kernel).Uffd;
        Assert.Equal(isStopped, adopted.Handle.IsClosed);
        if (!isStopped)
        {
            Assert.True(vm.Incidents.TryReadOther(out Incident? left));
            Assert.Equal(IncidentKind.DescriptorLeftOpen, left.Kind);
            Assert.Contains(
                $"never served here, so what is absent is not known, and {(waits ? 1 : 0)} threads wait", left.Message,
                StringComparison.Ordinal);
            LeftOpen.LetGo(adopted);
            adopted.Dispose();
        }

        Assert.False(vm.Incidents.TryReadOther(out Incident? other), other?.Message);
        theirs.Uffd.Dispose();
        if (toucher is not null) _ = await Task.Run(toucher.Value).WaitAsync(LiveScene.Deadline);
    }

    /// <summary>A VM whose source never answers, and a thread of ours that reads a page of it.</summary>
    private sealed class Scene(UffdRuntime runtime, UffdVm vm, Userfault uffd, GuestRegion region, PageBytes source) : IAsyncDisposable
    {
        private readonly GuestMemory _memory = ((LiveKernel)vm.Kernel).MemoryOf(region).Guest;

        public UffdVm Vm => vm;

        public Userfault Served => uffd;

        public GuestRegion Region => region;

        public UffdDescriptor Uffd { get; } = ((LiveUserfault)uffd.Kernel).Uffd;

        public Task<ulong> Read { get; private set; } = Task.FromResult(0ul);

        public static async Task<Scene> StartAsync(
            VmOptions? options = null, string config = "", bool isServed = true, bool readsAtOnce = true)
        {
            ThisKernel.Require();
            PageBytes source = new(Pages) { Withholds = true };
            UffdRuntime runtime =
                UffdRuntime.Start(Akka.Configuration.ConfigurationFactory.ParseString(config).WithFallback(UffdSettings.Profile("live")));
            UffdVm vm = await runtime.CreateVmAsync(options ?? new VmOptions { MemoryPages = 1 });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            if (isServed) await uffd.ServeAsync(new ServeOptions { Source = source });
            Scene scene = new(runtime, vm, uffd, region, source);
            if (!readsAtOnce) return scene;
            scene.BeginRead();
            await source.Asked.Task.WaitAsync(LiveScene.Deadline);
            return scene;
        }

        public void BeginRead() =>
            Read = Task.Factory.StartNew(
                () => _memory.ReadWord(Page * PageSize.Base), CancellationToken.None, TaskCreationOptions.LongRunning,
                TaskScheduler.Default);

        /// <summary>Ends it, and where that leaves the VM alive says so.</summary>
        public async Task EndAsync(string end)
        {
            switch (end)
            {
                case "abandon":
                    await uffd.AbandonAsync().WaitAsync(LiveScene.Deadline);
                    break;
                case "runtime":
                    await runtime.DisposeAsync();
                    break;
                case "fail":
                    vm.Context.Fail(vm.Context.Root, new InvalidOperationException("broken"), null);
                    _ = await vm.Failed.WaitAsync(LiveScene.Deadline);
                    await vm.DisposeAsync();
                    break;
                default:
                    await vm.DisposeAsync();
                    break;
            }
        }

        public List<Incident> Incidents()
        {
            List<Incident> incidents = [];
            while (vm.Incidents.TryReadOther(out Incident? incident)) incidents.Add(incident);
            return incidents;
        }

        public async ValueTask DisposeAsync()
        {
            await vm.DisposeAsync();
            await runtime.DisposeAsync();
            // The thread is the test's: it is let go, with what it would have read.
            Uffd.Dispose();
            _ = await Read.WaitAsync(LiveScene.Deadline);
            source.Dispose();
        }
    }
}
