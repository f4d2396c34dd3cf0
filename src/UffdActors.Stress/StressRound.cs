using System.Globalization;
using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Linux.Live;
using UffdActors.Model.Inputs;
using UffdActors.Model.Memory;
using UffdActors.Stress.Guest;
using UffdActors.Stress.Injection;
using UffdActors.Stress.Plan;
using UffdActors.Stress.Vcpus;

namespace UffdActors.Stress;

/// <summary>
/// One VM, from its first fault to the last check: a guest whose memory arrives by demand and push, is disturbed while its vCPUs count, and
/// is compared with the ledger byte by byte after each lap. Its content at the end is the source of the next round.
/// </summary>
internal sealed class StressRound
{
    private const int Racers = 2;
    private const int BesidePages = 1;
    private const long WholeGuest = -1;

    private readonly StressOptions _options;
    private readonly RoundPlan _plan;
    private readonly Ledger _ledger;
    private readonly ShadowPages _shadow;
    private readonly InjectedCounts _counts;
    private readonly HandlerFaults _faults;
    private readonly List<IActorRef> _racers = [];
    private readonly List<string> _incidents = [];
    private StressVcpu[] _vcpus = [];
    private Userfault? _userfault;
    private Agitator? _agitator;
    private volatile RawRacer? _raw;
    private volatile string _phase = "starting";

    public StressRound(StressOptions options, RoundPlan plan, Ledger ledger, ShadowPages shadow, InjectedCounts counts)
    {
        _options = options;
        _plan = plan;
        _ledger = ledger;
        _shadow = shadow;
        _counts = counts;
        _faults = new HandlerFaults(counts, plan.Seed, plan.Handlers, options.EexistRate, plan.Crashes ? options.CrashRate : 0);
    }

    /// <summary>Phase of the round, in words. Any thread.</summary>
    public string Phase => _phase;

    /// <summary>Visits that have ended. Any thread.</summary>
    public long Visits => _vcpus.Sum(v => v.Program.Visits);

    /// <summary>Visits that found the lock taken. Any thread.</summary>
    public long Contended => _vcpus.Sum(v => v.Program.Contended);

    /// <summary>Faults that were read. Any thread.</summary>
    public long Faults => _userfault?.Faults ?? 0;

    /// <summary>Faults that their threads have raised again. Any thread.</summary>
    public long Repeats => _userfault?.Repeats ?? 0;

    /// <summary>Pages that are being resolved. Any thread.</summary>
    public int Outstanding => _userfault?.Outstanding ?? 0;

    /// <summary>Changes as long as there is any progress. Any thread.</summary>
    public long Progress => Visits + Contended + Faults + (_phase.GetHashCode(StringComparison.Ordinal) * 31L);

    /// <summary>The touch that has been under way longest; null if there is none. Any thread.</summary>
    public (int Vcpu, TimeSpan Age, long Page, string Doing)? OldestTouch()
    {
        (int Vcpu, TimeSpan Age, long Page, string Doing)? oldest = null;
        foreach (StressVcpu vcpu in _vcpus)
        {
            if (vcpu.Program.Touch is { } touch && (oldest is null || touch.Age > oldest.Value.Age))
                oldest = (vcpu.Program.Number, touch.Age, touch.Page, touch.Doing);
        }

        return oldest;
    }

    /// <summary>Which thread waits for what, line by line. Any thread.</summary>
    public IReadOnlyList<string> Describe()
    {
        List<string> lines = [
            $"round {_plan.Number}, {_phase}: {_plan.Drops}, {_plan.Handlers} handlers, push {(_plan.Pushes ? "on" : "off")}, protection "
                + $"{(_plan.Protects ? "on" : "off")}"];
        foreach (StressVcpu vcpu in _vcpus)
        {
            if (vcpu.Program.Touch is { } touch)
                lines.Add(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"vCPU {vcpu.Program.Number}: page {touch.Page}, {touch.Doing}, for {touch.Age.TotalMilliseconds:0} ms; "
                            + $"lock held by {HolderOf(touch.Page)}"));
        }

        if (_agitator?.Doing is { } call) lines.Add($"agitator: {call}");
        if (_userfault?.Reader is { } reader)
        {
            lines.Add(
                $"reader: {reader.Outstanding} pages outstanding, {reader.Quarantined.Count} given up, "
                    + $"{reader.Counters.Events} events read");
            foreach (PageRequest request in reader.OutstandingRequests())
                lines.Add(
                    $"request {request.Id}: page {request.Page}, {request.Phase}, handler {request.Handler.Number}, attempt "
                        + $"{request.Attempts}, last errno {request.Error}, {request.Waiters} waiting");
        }

        lines.AddRange(_faults.Trail.Select(line => "passed: " + line));
        lock (_incidents) lines.AddRange(_incidents.Select(line => "incident: " + line));
        return lines;
    }

    /// <summary>Runs the round. Violations are recorded in the ledger.</summary>
    /// <param name="runtime">The runtime.</param>
    /// <param name="canProtect">The memory can be write-protected.</param>
    /// <param name="stop">Ends the round early, but in order.</param>
    public async Task RunAsync(UffdRuntime runtime, bool canProtect, CancellationToken stop)
    {
        UffdVm vm = await runtime.CreateVmAsync(
            new VmOptions
            {
                MemoryPages = (2L * _options.Pages) + 256,
                Profile = _options.Profile,
                Probe = _faults,
                StopGuest = static _ => Task.CompletedTask,
            }, CancellationToken.None);
        Task incidents = ReadIncidentsAsync(vm);
        try
        {
            using StressWatchdog watchdog = new(this, _ledger, _options.Deadline);
            using IPageSource source = Source();
            await RunAsync(vm, await SetUpAsync(vm, canProtect, source), stop);
        }
        catch (VmFailedException e)
        {
            _ledger.Violate(StressOracle.Incidents, ForeignText.Of(e), null, Describe());
        }
        finally
        {
            // Closing wakes waiting threads, which then read zeros; they must not use them.
            foreach (StressVcpu vcpu in _vcpus) vcpu.Program.Halt();
            try
            {
                await vm.DisposeAsync();
            }
            catch (TimeoutException e)
            {
                _ledger.Violate(StressOracle.Liveness, ForeignText.Of(e));
            }

            await incidents;
        }
    }

    private async Task RunAsync(UffdVm vm, Guest guest, CancellationToken stop)
    {
        for (int lap = 0; lap < _plan.Laps && _ledger.Violation is null && !stop.IsCancellationRequested; lap++)
        {
            if (lap > 0 && _plan.Drops == DropKind.BetweenLaps) await TakeAwayAsync(vm, guest);
            if (_ledger.Violation is not null) return;
            _phase = $"lap {lap}";
            await LapAsync(vm, guest, stop);
            if (_ledger.Violation is not null) return;
            _phase = $"checks after lap {lap}";
            Check(vm, guest.Region, takesOver: false);
        }

        if (_ledger.Violation is not null) return;
        // Every page has to arrive, touched so far or not.
        _phase = "last look at every page";
        await UnlessViolatedAsync(vm, Task.WhenAll(_vcpus.Select(v => v.RunLapAsync(WholeGuest))));
        if (_ledger.Violation is not null) return;
        _phase = "last check";
        Check(vm, guest.Region, takesOver: true);
    }

    private async Task<Guest> SetUpAsync(UffdVm vm, bool canProtect, IPageSource source)
    {
        bool minor = _options.Mode == StressMode.Minor;
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = _options.Pages, Module = _options.Backend, WithAlias = minor });
        bool announces = _plan.Drops == DropKind.Announced;
        Userfault userfault = await vm.OpenAsync(announces ? UffdFeatures.EventRemove : UffdFeatures.None);
        RegisterModes modes = (minor ? RegisterModes.Minor : RegisterModes.Missing)
            | (canProtect ? RegisterModes.WriteProtect : RegisterModes.None);
        _ = await userfault.RegisterAsync(region, modes);
        // Memory of the same userfaultfd that is never touched: an event there blocks fills, and changes no page.
        GuestRegion? beside = announces ? await vm.MapAsync(new RegionOptions { Pages = BesidePages }) : null;
        if (beside is not null) _ = await userfault.RegisterAsync(beside, RegisterModes.Missing);

        await userfault.ServeAsync(new ServeOptions { Source = source, Handlers = _plan.Handlers });
        _userfault = userfault;
        for (int i = 0; i < Racers; i++) _racers.Add(await RacerActor.StartAsync(vm, userfault, region, _shadow, _counts));
        _faults.Race = Race;
        _agitator = new Agitator(vm, userfault, region, beside, _plan, _options, _ledger, _counts);
        List<StressVcpu> vcpus = [];
        for (int i = 0; i < _options.Vcpus; i++) vcpus.Add(await NewVcpuAsync(vm, region, i));
        _vcpus = [.. vcpus];
        return new Guest(region, userfault, _plan.Pushes ? await userfault.PushAsync(region, source) : null);
    }

    private async Task LapAsync(UffdVm vm, Guest guest, CancellationToken stop)
    {
        // Where the shadow does not change during the lap, a thread may also fill without checking epoch or view.
        bool blind = _plan.Drops != DropKind.Announced && _options.Mode == StressMode.Missing && _options.EexistRate > 0;
        RawRacer? raw = blind && guest.Userfault.Kernel is LiveUserfault live
            ? new RawRacer(live.Uffd, guest.Region, _shadow, _counts, _plan.Seed) : null;
        _raw = raw;
        using CancellationTokenSource lapIsOver = new();
        using CancellationTokenRegistration early = stop.Register(() =>
        {
            foreach (StressVcpu vcpu in _vcpus) vcpu.Program.EndLaps();
        });
        Task agitating = Task.Run(() => _agitator!.RunAsync(lapIsOver.Token), CancellationToken.None);
        long visits = Math.Max(1, _options.LapVisits / _vcpus.Length);
        Task running = Task.WhenAll(_vcpus.Select(v => v.RunLapAsync(visits)));
        try
        {
            await UnlessViolatedAsync(vm, running);
        }
        finally
        {
            lapIsOver.Cancel();
            _raw = null;
            raw?.Stop();
        }

        await UnlessViolatedAsync(vm, agitating);
    }

    /// <summary>All vCPUs are at rest; every page is dropped, and has to come back from the source.</summary>
    private async Task TakeAwayAsync(UffdVm vm, Guest guest)
    {
        _phase = "waiting for the push";
        if (guest.Push is { } push) await UnlessViolatedAsync(vm, push.WaitAsync());
        _phase = "waiting for demands";
        // The first fence is behind every demand, the second behind the pages that the demands have sent the racers to.
        for (int i = 0; i < 2 && _ledger.Violation is null; i++) await UnlessViolatedAsync(vm, Task.WhenAll(_racers.Select(FenceAsync)));
        if (_ledger.Violation is not null) return;
        _phase = "taking all pages away";
        for (long page = 0; page < _options.Pages; page++) _shadow.Update(_ledger, page);
        await UnlessViolatedAsync(vm, vm.AdviseAsync(guest.Region, 0, guest.Region.Pages, Agitator.AdviceOf(_options, _plan.Drops)));
        for (int i = 0; i < _options.Pages; i++) _counts.Add(Injected.PageDrop);
    }

    private void Check(UffdVm vm, GuestRegion region, bool takesOver)
    {
        GuestReader reader = vm.NewReader();
        Span<byte> bytes = stackalloc byte[PageSize.Base];
        for (long page = 0; page < _options.Pages && _ledger.Violation is null; page++)
        {
            if (reader.TryRead(region, page, bytes)) _ledger.CheckWhole(page, bytes);
            else CheckAbsent(_ledger, _shadow, page, isRead: takesOver, _plan.Drops);
            if (!takesOver) continue;
            // A page that was given back starts anew, with or without its pattern.
            if (_ledger.IsBare(page) && _ledger.CountOf(page) == 0) _ledger.Begin(page, isBare: page % 8 == 7);
            _shadow.Update(_ledger, page);
        }
    }

    /// <summary>Holds that a page may be absent.</summary>
    /// <param name="ledger">What it has to be.</param>
    /// <param name="shadow">Its copy at the source.</param>
    /// <param name="page">The page.</param>
    /// <param name="isRead">Every vCPU has just read it, and nothing takes pages any more.</param>
    /// <param name="drops">How pages are given back in this round.</param>
    internal static void CheckAbsent(Ledger ledger, ShadowPages shadow, long page, bool isRead, DropKind drops)
    {
        if (isRead)
        {
            ledger.Violate(StressOracle.FinalBytes, $"page {page} is not there after every vCPU has read it", page);
            return;
        }

        // It is right if its copy at the source is right; where a page is given back while vCPUs run, they have other copies.
        if (drops != DropKind.BetweenLaps) return;
        ledger.Checked(StressOracle.FinalBytes);
        Span<byte> due = stackalloc byte[PageSize.Base];
        ledger.WritePage(page, due);
        if (!shadow.Holds(page, due))
            ledger.Violate(StressOracle.FinalBytes, $"page {page} is not there after the lap, and vCPUs have counted in it", page);
    }

    private async Task<StressVcpu> NewVcpuAsync(UffdVm vm, GuestRegion region, int number)
    {
        bool live = vm.Kernel is LiveKernel;
        VcpuProgram program = new(number, _ledger, hasMutex: live, _plan.Seed, AboutToVisit);
        return live
            ? new LiveStressVcpu(program, ((LiveKernel)vm.Kernel).MemoryOf(region).Guest)
            : await ModelStressVcpu.StartAsync(vm, region, program, _ledger);
    }

    private IPageSource Source()
    {
        ShadowSource source = new(_shadow, _options.Pages, _counts, _plan.Seed, _options.SourceFaultRate);
        return _options.WrapSource?.Invoke(source, _shadow) ?? source;
    }

    private void AboutToVisit(long page)
    {
        _raw?.Hint(page);
        if (_options.EexistRate > 0 && page % 4 == 0) Race(page);
    }

    private void Race(long page) => _racers[(int)(page % _racers.Count)].Tell(new RacerActor.Race(page), ActorRefs.NoSender);

    private static Task FenceAsync(IActorRef racer)
    {
        TaskCompletionSource passed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        racer.Tell(new RacerActor.Fence(passed), ActorRefs.NoSender);
        return passed.Task;
    }

    // A vCPU that waits for a page that never comes would never end.
    private async Task UnlessViolatedAsync(UffdVm vm, Task task)
    {
        TaskCompletionSource violated = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration told = _ledger.Violated.Token.Register(() => violated.TrySetResult());
        _ = await Task.WhenAny(task, violated.Task, vm.Failed);
        if (task.IsCompleted) await task;
        else if (vm.Failed.IsCompleted) throw new VmFailedException($"{vm.Name} has failed closed: {ForeignText.Of(await vm.Failed)}");
    }

    /// <summary>True if an incident reports only what this run has injected.</summary>
    internal static bool WasInjected(Incident incident) =>
        // Some failures in a row are an outage, which is reported.
        incident is { Exception: InjectedCrashException } or { Kind: IncidentKind.SourceFailed, Exception: InjectedSourceException }
        || incident.Kind is IncidentKind.UserModeOnly or IncidentKind.FillDelayed or IncidentKind.OutageEnded or IncidentKind.CloseTimedOut;

    private async Task ReadIncidentsAsync(UffdVm vm)
    {
        await foreach (Incident incident in vm.Incidents.ReadAllAsync())
        {
            lock (_incidents)
            {
                if (_incidents.Count > 16) _incidents.RemoveAt(0);
                _incidents.Add($"{incident.Kind}: {incident.Message}");
            }

            _ledger.Checked(StressOracle.Incidents);
            if (!WasInjected(incident)) _ledger.Violate(StressOracle.Incidents, $"{incident.Kind}: {incident.Message}", null, Describe());
        }
    }

    private string HolderOf(long page) => _ledger.HolderOf(page) switch
    {
        0 => "no vCPU",
        int.MaxValue => "the agitator",
        var holder => $"vCPU {holder - 1}",
    };

    /// <summary>What was set up in the VM.</summary>
    private sealed record Guest(GuestRegion Region, Userfault Userfault, BackgroundPush? Push);
}
