using System.Diagnostics;
using Akka.Configuration;
using UffdActors.Stress.Guest;
using UffdActors.Stress.Injection;
using UffdActors.Stress.Plan;

namespace UffdActors.Stress;

/// <summary>
/// Stress on real threads: rounds of a guest whose every page has a lock and counters inside, racing resolvers, injected faults, and
/// oracles that find a lost update, a zero page, old bytes, a torn page or an access that never ends. Stops at the first.
/// </summary>
/// <remarks><see cref="Snapshot"/> may be asked from any thread while <see cref="RunAsync"/> runs.</remarks>
internal sealed class StressRun
{
    // Crashes are injected all the time, and no request may be given up because of them.
    private const string NoCrashLimit = "uffd.handler-crash-limit = 1000000000";

    private readonly StressOptions _options;
    private readonly InjectedCounts _counts = new();
    private readonly Ledger _ledger;
    private volatile StressRound? _round;
    private long _began;
    private int _rounds;
    private long _visits;
    private long _contended;
    private long _faults;
    private long _repeats;
    private int _collectionsBefore;

    /// <summary>Makes a run.</summary>
    /// <exception cref="StressException">An option is out of its range.</exception>
    public StressRun(StressOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        _ledger = new Ledger(options.Pages, options.Vcpus);
    }

    /// <summary>The configuration that a runtime for stress needs, over a given one.</summary>
    public static Config ConfigurationOver(Config? config)
    {
        Config own = ConfigurationFactory.ParseString(NoCrashLimit);
        // A kernel with swap, unless one was given.
        Config swap = ConfigurationFactory.ParseString("uffd.kernel.swap = on");
        return config is null ? own.WithFallback(swap) : own.WithFallback(config).WithFallback(swap);
    }

    /// <summary>Progress. Any thread.</summary>
    public StressSnapshot Snapshot()
    {
        StressRound? round = _round;
        (int Vcpu, TimeSpan Age, long Page, string Doing)? oldest = round?.OldestTouch();
        return new StressSnapshot
        {
            Elapsed = _began == 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(_began),
            Rounds = Volatile.Read(ref _rounds),
            Phase = round?.Phase ?? "between rounds",
            Visits = Volatile.Read(ref _visits) + (round?.Visits ?? 0),
            Contended = Volatile.Read(ref _contended) + (round?.Contended ?? 0),
            Faults = Volatile.Read(ref _faults) + (round?.Faults ?? 0),
            Repeats = Volatile.Read(ref _repeats) + (round?.Repeats ?? 0),
            Outstanding = round?.Outstanding ?? 0,
            OldestTouch = oldest?.Age ?? TimeSpan.Zero,
            Eexist = _counts[Injected.Eexist],
            Eagain = _counts[Injected.Eagain],
            RacerFills = _counts[Injected.RacerFill],
            HandlerCrashes = _counts[Injected.HandlerCrash],
            SourceDelays = _counts[Injected.SourceDelay],
            SourceDuplicates = _counts[Injected.SourceDuplicate],
            SourceFailures = _counts[Injected.SourceFailure],
            PageDrops = _counts[Injected.PageDrop],
            ChangeBursts = _counts[Injected.ChangeBurst],
            Protections = _counts[Injected.Protection],
            PageOuts = _counts[Injected.PageOut],
            WholePages = _ledger.WholePages,
            Collections = GC.CollectionCount(0) - _collectionsBefore,
        };
    }

    /// <summary>
    /// Runs rounds until the time is over, an oracle is violated, or it is asked to stop; the round under way is then ended and checked.
    /// </summary>
    /// <param name="runtime">A runtime with <see cref="ConfigurationOver"/>, on real threads.</param>
    /// <param name="stop">Ends it in order.</param>
    /// <exception cref="StressException">The runtime's dispatcher has no real threads, or the memory cannot be served.</exception>
    /// <exception cref="UffdException">The memory cannot do what is asked.</exception>
    public async Task<StressReport> RunAsync(UffdRuntime runtime, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        if (runtime.Settings.IsStepped)
            throw new StressException(
                "Stress needs real threads, and the stepped dispatcher has none; uffd explore chooses orders by a seed.");
        (VmPlace place, bool canProtect, bool hasSwap) = await CheckAsync(runtime);
        using ShadowPages shadow = new(_options.Pages);
        for (long page = 0; page < _options.Pages; page++)
        {
            _ledger.Begin(page, isBare: page % 8 == 7);
            shadow.Update(_ledger, page);
        }

        _collectionsBefore = GC.CollectionCount(0);
        _began = Stopwatch.GetTimestamp();
        using (new Pressure(_options.LoadThreads, _options.ForceCollections))
        {
            while (_ledger.Violation is null && _rounds < _options.MostRounds && !stop.IsCancellationRequested
                && Stopwatch.GetElapsedTime(_began) < _options.Duration)
            {
                await RoundAsync(runtime, shadow, canProtect, stop);
            }
        }

        return new StressReport
        {
            Options = _options,
            Place = place,
            Dispatcher = runtime.Settings.Dispatcher,
            WriteProtect = canProtect,
            HasSwap = hasSwap,
            Interrupted = stop.IsCancellationRequested,
            Totals = Snapshot(),
            Checks = [.. StressOracles.All.Select(o => (o, _ledger.ChecksOf(o)))],
            Violation = _ledger.Violation,
        };
    }

    private async Task RoundAsync(UffdRuntime runtime, ShadowPages shadow, bool canProtect, CancellationToken stop)
    {
        RoundPlan plan = RoundPlan.Draw(_options, _rounds, canProtect);
        // The end of the time ends the round under way, too.
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        TimeSpan left = _options.Duration - Stopwatch.GetElapsedTime(_began);
        enough.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        StressRound round = new(_options, plan, _ledger, shadow, _counts);
        _round = round;
        await round.RunAsync(runtime, canProtect, enough.Token);
        _round = null;
        _visits += round.Visits;
        _contended += round.Contended;
        _faults += round.Faults;
        _repeats += round.Repeats;
        // Every access that ended was in time; the watchdog checks that all the time.
        _ledger.Checked(StressOracle.Liveness, round.Visits);
        _rounds++;
    }

    // Without the name of a parameter, which says nothing at a command line.
    private static string OneLine(ArgumentException e) =>
        e.ParamName is null ? e.Message : e.Message.Replace($" (Parameter '{e.ParamName}')", "", StringComparison.Ordinal);

    /// <summary>Finds out with one page what the memory supports.</summary>
    private async Task<(VmPlace Place, bool CanProtect, bool HasSwap)> CheckAsync(UffdRuntime runtime)
    {
        RegisterModes modes = _options.Mode == StressMode.Minor ? RegisterModes.Minor : RegisterModes.Missing;
        await using UffdVm vm =
            await runtime.CreateVmAsync(new VmOptions { MemoryPages = 4096, HugePages = 1, Profile = _options.Profile });
        Userfault userfault = await vm.OpenAsync();
        GuestRegion region;
        try
        {
            region = await vm.MapAsync(new RegionOptions { Pages = 1, Module = _options.Backend });
        }
        catch (ArgumentException e)
        {
            throw new StressException(
                $"{_options.Backend} cannot be stressed, for the locks of the guest are in pages of {Model.Memory.PageSize.Base} bytes: "
                    + OneLine(e), e);
        }

        _ = await userfault.RegisterAsync(region, modes);
        bool canProtect = false;
        if (_options.WriteProtect)
        {
            GuestRegion other = await vm.MapAsync(new RegionOptions { Pages = 1, Module = _options.Backend });
            try
            {
                _ = await userfault.RegisterAsync(other, modes | RegisterModes.WriteProtect);
                canProtect = true;
            }
            catch (UffdException)
            {
                // This memory does not support it; the rest is stressed all the same, and the report says so.
            }
        }

        return (vm.Place, canProtect, vm.Kernel.HasSwap);
    }
}
