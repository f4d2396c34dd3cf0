using UffdActors.Linux.Tests.Live;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>
/// Code of the embedder that is called in turns of the VM and throws (workloads, checks, observers, orders of fetching): what called it
/// ends, or goes on, and nothing else does.
/// </summary>
public sealed class EmbeddersCodeTests
{
    private const int Pages = 16;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [InlineData("model", 7, 0)]
    [InlineData("live", 7, 0)]
    [InlineData("model", 0, Pages)]
    [InlineData("live", 0, Pages)]
    [InlineData("model", -1, -1)]
    [InlineData("live", -1, -1)]
    public async Task A_workload_that_touches_no_page_ends_its_vCPU_alone(string world, int region, long page)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await ServedAsync(world, source);

        VcpuGroup wrong = await vm.Vm.StartVcpusAsync([new Testing.Guests.Steps([new GuestStep(region, page, IsWrite: true)])]);

        ArgumentOutOfRangeException refused =
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => wrong.WaitAsync().WaitAsync(LiveScene.Deadline));
        Assert.Contains($"touches page {page} of region {region}", refused.Message, StringComparison.Ordinal);
        await AssertGoesOnAsync(vm);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_workload_or_a_check_that_throws_ends_its_vCPU_alone(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await ServedAsync(world, source);

        VcpuGroup wrong = await vm.Vm.StartVcpusAsync([new Throwing()]);
        await Assert.ThrowsAsync<NotSupportedException>(() => wrong.WaitAsync().WaitAsync(LiveScene.Deadline));
        wrong = await vm.Vm.StartVcpusAsync(
            [new Testing.Guests.Steps([new GuestStep(0, 1, IsWrite: false)])], 1, new Throwing(), CancellationToken.None);
        await Assert.ThrowsAsync<NotSupportedException>(() => wrong.WaitAsync().WaitAsync(LiveScene.Deadline));

        await AssertGoesOnAsync(vm);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Observers_that_throw_are_reported_once_and_nothing_stops(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await ServedAsync(world, source, _ => throw new NotSupportedException("no display"));

        await AssertGoesOnAsync(vm);

        Incident thrown = await vm.Vm.Incidents.ReadOtherAsync();
        Assert.Equal(IncidentKind.HookFailed, thrown.Kind);
        Assert.StartsWith("VmOptions.FaultObserver has thrown (no display)", thrown.Message, StringComparison.Ordinal);
        Assert.False(vm.Vm.Incidents.TryReadOther(out _));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task An_observer_of_incidents_that_throws_keeps_none_of_them_from_the_stream(string world)
    {
        if (world == "live") Testing.ThisMachine.ThisKernel.Require();
        using PageBytes source = new(Pages, failures: 3);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile(world));
        await using UffdVm vm = await runtime.CreateVmAsync(
            new VmOptions { MemoryPages = 64, IncidentObserver = static _ => throw new NotSupportedException("no display") });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });

        VcpuGroup vcpu = await vm.StartVcpusAsync([new Testing.Guests.Steps([new GuestStep(region.Id, 1, IsWrite: false)])]);
        await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);

        IncidentKind[] kinds = [(await vm.Incidents.ReadOtherAsync()).Kind, (await vm.Incidents.ReadOtherAsync()).Kind];
        Assert.Equal([IncidentKind.HookFailed, IncidentKind.SourceFailed], kinds);
        Assert.False(vm.Failed.IsCompleted);
        await uffd.AbandonAsync();
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task An_order_of_fetching_that_throws_ends_its_push_alone(string world)
    {
        using PageBytes source = new(Pages);
        await using EitherWorld vm = await ServedAsync(world, source);

        BackgroundPush push = await vm.Uffd.PushAsync(vm.Vm.Regions[0], source, new PrefetchOptions { Order = new Throwing() });

        await Assert.ThrowsAsync<NotSupportedException>(() => push.WaitAsync().WaitAsync(LiveScene.Deadline));
        await AssertGoesOnAsync(vm);
    }

    /// <summary>What a source says of itself is asked when it is named, by whoever names it, and in no turn of the ring.</summary>
    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_source_that_does_not_say_any_more_how_it_answers_goes_on_as_it_said(string world)
    {
        using Forgetful source = new(new PageBytes(Pages));
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        BackgroundPush push = await vm.Uffd.PushAsync(region, source, new PrefetchOptions { StartsPaused = true });
        source.Forgets = true;

        await AssertGoesOnAsync(vm);
        push.Resume();
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);

        using Forgetful other = new(new PageBytes(Pages)) { Forgets = true };
        await Assert.ThrowsAsync<NotSupportedException>(() => vm.Uffd.PushAsync(region, other));
        Assert.False(vm.Vm.Failed.IsCompleted);
    }

    private static async Task<EitherWorld> ServedAsync(string world, PageBytes source, Action<FaultTrace>? observer = null)
    {
        EitherWorld vm = await EitherWorld.StartAsync(world, observer: observer);
        _ = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        return vm;
    }

    private static async Task AssertGoesOnAsync(EitherWorld vm)
    {
        await vm.WriteAsync(vm.Vm.Regions[0], 2, 3, 4);
        Assert.False(vm.Vm.Failed.IsCompleted);
    }

    private sealed class Forgetful(PageBytes bytes) : IPageSource
    {
        public bool Forgets { get; set; }

        public long Pages => bytes.Pages;

        public bool AnswersAtOnce => Forgets ? throw new NotSupportedException() : false;

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            // Later: the order is open when its turn ends.
            PageOrder wanted = order;
            _ = Task.Run(() => bytes.Request(wanted, receiver));
        }

        public void Dispose() => bytes.Dispose();
    }

    private sealed class Throwing : IWorkload, IContentCheck, IPrefetchOrder
    {
        public string Name => "throwing";

        public void Reset()
        {
        }

        public bool TryNext(out GuestStep step) => throw new NotSupportedException();

        public ulong? WordAt(int region, long page, int offset) => throw new NotSupportedException();

        public long Next(IWantedPages wanted, long demanded, ref int most) => throw new NotSupportedException();
    }
}
