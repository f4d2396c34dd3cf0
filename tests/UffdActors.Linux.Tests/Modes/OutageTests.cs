using UffdActors.Handling;
using UffdActors.Linux.Tests.Live;
using UffdActors.Testing.Guests;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>A page source that is away for a time: nobody hangs, and the embedder hears of it once.</summary>
public sealed class OutageTests
{
    private const int Pages = 64;
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(50);

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_source_that_is_away_within_the_patience_is_asked_again_and_reported_twice(string world)
    {
        using ScriptedSource source = new(Pages);
        source.GoAway();
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, Handlers = 2, SourcePatience = LiveScene.Deadline });
        VcpuGroup first = await vm.StartAsync(region, isWrite: false, 3);
        VcpuGroup second = await vm.StartAsync(region, isWrite: false, 40);
        BackgroundPush push = await vm.Uffd.PushAsync(region, source);

        Incident began = await vm.IncidentAsync();
        Assert.Equal(IncidentKind.SourceFailed, began.Kind);
        Assert.Contains("Page source image-7 (ScriptedSource) has failed 3 times in a row for ", began.Message, StringComparison.Ordinal);
        Assert.Contains(
            "the link is down); it is asked again, at growing intervals, for up to 300.0 s.", began.Message, StringComparison.Ordinal);
        // Far beyond sixteen attempts; and who is asked for a second time has failed before.
        await LiveScene.UntilAsync(() => source.Asked > 60 && source.AskedFor(3) > 1 && source.AskedFor(40) > 1);
        source.ComeBack();

        await first.WaitAsync().WaitAsync(LiveScene.Deadline);
        await second.WaitAsync().WaitAsync(LiveScene.Deadline);
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);
        Incident ended = await vm.IncidentAsync();
        Assert.Equal(IncidentKind.OutageEnded, ended.Kind);
        Assert.Contains("answers again after ", ended.Message, StringComparison.Ordinal);
        Assert.Contains("2 pages had waited", ended.Message, StringComparison.Ordinal);
        Assert.False(vm.Vm.Incidents.TryReadOther(out _));
        Assert.Equal(PageBytes.WordOf(40), vm.Word(region, 40));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Behind_the_patience_everybody_pauses_with_one_incident_and_goes_on_by_itself_when_the_source_answers(string world)
    {
        using ScriptedSource source = new(Pages);
        source.GoAway();
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, SourcePatience = Short });
        VcpuGroup[] vcpus = [.. await Task.WhenAll(Enumerable.Range(0, 8).Select(i => vm.StartAsync(region, isWrite: false, i * 7)))];
        BackgroundPush push = await vm.Uffd.PushAsync(region, source);

        Incident paused = await PatienceOverAsync(vm);
        Assert.Equal(IncidentKind.PatienceOver, paused.Kind);
        Assert.Contains(
            "the link is down): the requests that wait have paused. One of them is tried about once a second", paused.Message,
            StringComparison.Ordinal);
        // Each of them has; the one that is tried at a time does not show it.
        HashSet<long> pausedPages = [];
        await LiveScene.UntilAsync(() =>
        {
            pausedPages.UnionWith(vm.Uffd.Reader!.OutstandingRequests().Where(r => r.Phase == RequestPhase.Paused).Select(r => r.Page));
            return pausedPages.Count == vcpus.Length;
        });
        source.ComeBack();

        foreach (VcpuGroup vcpu in vcpus) await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);
        Incident ended = await vm.IncidentAsync();
        Assert.Equal(IncidentKind.OutageEnded, ended.Kind);
        Assert.Contains("8 pages had waited", ended.Message, StringComparison.Ordinal);
        Assert.False(vm.Vm.Incidents.TryReadOther(out _));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_push_that_has_paused_alone_goes_on_by_itself(string world)
    {
        using ScriptedSource source = new(Pages);
        source.GoAway();
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, SourcePatience = Short });
        BackgroundPush push = await vm.Uffd.PushAsync(region, source);
        _ = await PatienceOverAsync(vm);
        source.ComeBack();
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(Pages, push.ReceivedPages);
        Assert.Equal(IncidentKind.OutageEnded, (await vm.IncidentAsync()).Kind);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task With_manual_resume_nobody_asks_until_recover(string world)
    {
        using ScriptedSource source = new(Pages);
        source.GoAway();
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, SourcePatience = Short, Resume = SourceResume.Manual });
        VcpuGroup vcpu = await vm.StartAsync(region, isWrite: false, 5);
        Incident paused = await PatienceOverAsync(vm);
        Assert.Contains("have paused until they are recovered or abandoned", paused.Message, StringComparison.Ordinal);
        int asked = source.Asked;
        source.ComeBack();
        // Another page is had at once, and does not wake the first one.
        await (await vm.StartAsync(region, isWrite: false, 6)).WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal((asked + 1, 0), (source.Asked, vcpu.Accesses));

        vm.Uffd.Recover();
        await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(IncidentKind.OutageEnded, (await vm.IncidentAsync()).Kind);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task One_page_that_cannot_be_had_pauses_although_the_source_has_all_others(string world)
    {
        using ScriptedSource source = new(Pages);
        source.Script = (order, receiver) =>
        {
            if (order.FirstPage != 9) return false;
            receiver.Failed(order.Id, new IOException("a bad sector"));
            return true;
        };
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, SourcePatience = Short });
        VcpuGroup waits = await vm.StartAsync(region, isWrite: false, 9);
        Task<Incident> over = PatienceOverAsync(vm);
        for (int page = 0; !over.IsCompleted; page = (page + 1) % Pages)
        {
            if (page != 9) await (await vm.StartAsync(region, isWrite: false, page)).WaitAsync().WaitAsync(LiveScene.Deadline);
        }

        Assert.Contains("a bad sector", (await over).Message, StringComparison.Ordinal);
        source.ComeBack();
        await waits.WaitAsync().WaitAsync(LiveScene.Deadline);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_page_that_cannot_be_had_holds_up_no_other_of_a_push_which_brings_it_when_the_source_has_it(string world)
    {
        using ScriptedSource source = new(Pages);
        source.Script = (order, receiver) => FailsWith(new IOException("a bad sector"), order, receiver);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, SourcePatience = Short });
        BackgroundPush push = await vm.Uffd.PushAsync(region, source);

        Incident over = await PatienceOverAsync(vm);
        Assert.Contains("(page 9: a bad sector)", over.Message, StringComparison.Ordinal);
        Assert.Equal((Pages - 1, 1), (push.ReceivedPages, push.AbsentPages));
        Assert.Equal(PageBytes.WordOf(Pages - 1), vm.Word(region, Pages - 1));
        Assert.Null(vm.Word(region, 9));

        source.ComeBack();
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(PageBytes.WordOf(9), vm.Word(region, 9));
        Assert.Equal(IncidentKind.OutageEnded, (await vm.IncidentAsync()).Kind);
        Assert.False(vm.Vm.Incidents.TryReadOther(out _));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_page_that_the_source_has_lost_holds_up_no_other_of_a_push_which_brings_it_when_it_is_recovered(string world)
    {
        using ScriptedSource source = new(Pages);
        source.Script = (order, receiver) => FailsWith(new PageLostException("burnt"), order, receiver);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        BackgroundPush push = await vm.Uffd.PushAsync(region, source);
        await LiveScene.UntilAsync(() => push.AbsentPages == 1);
        Incident lost = await vm.IncidentAsync();
        Assert.Equal(IncidentKind.PageLost, lost.Kind);
        Assert.Contains("passes over page 9, which is lost (burnt)", lost.Message, StringComparison.Ordinal);

        source.ComeBack();
        Assert.False(push.WaitAsync().IsCompleted);
        vm.Uffd.Recover();
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.Equal(PageBytes.WordOf(9), vm.Word(region, 9));
        Assert.False(vm.Vm.Incidents.TryReadOther(out _));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_push_that_is_stopped_names_the_page_that_could_not_be_had(string world)
    {
        using ScriptedSource source = new(Pages);
        source.Script = (order, receiver) => FailsWith(new IOException("a bad sector"), order, receiver);
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, SourcePatience = Short, Resume = SourceResume.Manual });
        BackgroundPush push = await vm.Uffd.PushAsync(region, source);
        _ = await PatienceOverAsync(vm);

        await push.StopAsync().WaitAsync(LiveScene.Deadline);
        OperationCanceledException stopped = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => push.WaitAsync());
        Assert.Contains($"page 9 of region {region.Id} could not be had", stopped.Message, StringComparison.Ordinal);
        await vm.Uffd.AbandonAsync();
    }

    private static bool FailsWith(Exception why, in PageOrder order, IPageReceiver receiver)
    {
        if (order.FirstPage > 9 || order.FirstPage + order.Pages <= 9) return false;
        receiver.Failed(order.Id, why);
        return true;
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_page_that_crashes_its_handler_is_handed_out_again_until_it_succeeds(string world)
    {
        CrashingProbe probe = new(HandlerPoint.AfterRead, every: 1, crashesPerPage: int.MaxValue, onlyPage: 5);
        using ScriptedSource source = new(Pages);
        await using EitherWorld vm = await EitherWorld.StartAsync(world, probe: probe);
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source, SourcePatience = Short });
        VcpuGroup vcpu = await vm.StartAsync(region, isWrite: false, 5);

        List<IncidentKind> kinds = [];
        while (kinds.LastOrDefault() != IncidentKind.PatienceOver) kinds.Add((await vm.IncidentAsync()).Kind);
        // Each crash up to the limit, and then no more than one for all.
        Assert.Equal(
            [.. Enumerable.Repeat(IncidentKind.HandlerCrashed, 5), IncidentKind.PageQuarantined, IncidentKind.PatienceOver], kinds);
        probe.Stop();

        await vcpu.WaitAsync().WaitAsync(LiveScene.Deadline);
        Incident ended = await vm.IncidentAsync();
        Assert.Equal(IncidentKind.OutageEnded, ended.Kind);
        Assert.Contains("Handlers have come through after", ended.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// On a busy machine the patience may be over before the third attempt, and the beginning is then not reported by itself.
    /// </summary>
    private static async Task<Incident> PatienceOverAsync(EitherWorld vm)
    {
        Incident incident = await vm.IncidentAsync();
        while (incident.Kind == IncidentKind.SourceFailed) incident = await vm.IncidentAsync();
        Assert.True(incident.Kind == IncidentKind.PatienceOver, incident.Message);
        return incident;
    }
}
