using UffdActors.Stress.Guest;
using UffdActors.Stress.Plan;

namespace UffdActors.Stress.Tests;

/// <summary>What ships holds under stress, in each world and on each dispatcher with real threads.</summary>
public sealed class StressRunTests
{
    [SkippableTheory]
    [InlineData("fault-loop", null, StressMode.Missing)]
    [InlineData("fault-loop", "shmem", StressMode.Minor)]
    [InlineData("parallel", null, StressMode.Missing)]
    [InlineData("parallel", "shmem", StressMode.Missing)]
    [InlineData("parallel", "shmem", StressMode.Minor)]
    [InlineData("live", null, StressMode.Missing)]
    [InlineData("live", "shmem", StressMode.Missing)]
    [InlineData("live", "shmem", StressMode.Minor)]
    internal async Task Nothing_that_must_hold_is_broken(string place, string? backend, StressMode mode)
    {
        StressReport report = await Stresses.RunAsync(place, Stresses.Few with { Backend = backend, Mode = mode });

        Assert.True(report.Violation is null, $"{report.Violation?.Message}\n{string.Join('\n', report.Violation?.Details ?? [])}");
        AssertExercised(report);
        Assert.Equal(Stresses.Few.MostRounds, report.Totals.Rounds);
        Assert.True(report.Totals.Faults > 0, "nothing faulted");
        Assert.True(report.Totals.Eexist > 0, "no fill met EEXIST");
        Assert.True(report.Totals.RacerFills > 0 || mode == StressMode.Minor, "no racing resolver filled anything");
        // Every oracle was asked, but for what nobody reported.
        foreach ((StressOracle oracle, long times) in report.Checks)
            Assert.True(
                times > 0 || oracle is StressOracle.Incidents or StressOracle.OldBytes, $"{oracle} was never asked");
    }

    [SkippableTheory]
    [InlineData("fault-loop", null, StressMode.Missing)]
    [InlineData("parallel", "shmem", StressMode.Missing)]
    [InlineData("parallel", "shmem", StressMode.Minor)]
    internal async Task Pages_that_are_paged_out_all_the_time_are_there_at_the_end(string place, string? backend, StressMode mode)
    {
        StressReport report = await Stresses.RunAsync(
            place, Stresses.Few with { Backend = backend, Mode = mode, PageOutRate = 1, VisitsPerLap = 4000, MostRounds = 6 });
        Assert.True(report.Passed, report.Violation?.Message);
        Assert.True(report.HasSwap);
        Assert.True(report.Totals.PageOuts > 0);
    }

    /// <summary>What is asked for at a rate is injected: a run without it proves nothing of it.</summary>
    [Fact]
    public async Task Everything_that_is_asked_for_is_injected()
    {
        StressReport report = await Stresses.RunAsync(
            "fault-loop",
            Stresses.Few with
            {
                VisitsPerLap = 2000,
                MostRounds = 8,
                CrashRate = 0.1,
                SourceFaultRate = 0.3,
                PageOutRate = 0.2,
                EagainRate = 0.3,
            });
        Assert.True(report.Passed, report.Violation?.Message);
        StressSnapshot totals = report.Totals;
        Assert.All(
            new (string What, long Times)[]
            {
                ("handlers that crash", totals.HandlerCrashes), ("late answers", totals.SourceDelays),
                ("answers twice", totals.SourceDuplicates), ("failures of the source", totals.SourceFailures),
                ("pages taken away", totals.PageDrops), ("events beside the guest", totals.ChangeBursts),
                ("pages protected", totals.Protections), ("pages paged out", totals.PageOuts),
                ("fills by racers", totals.RacerFills), ("fills that raced", totals.Eexist),
            },
            injected => Assert.True(injected.Times > 0, injected.What));
    }

    [SkippableFact]
    public async Task Collections_and_busy_threads_hold_nobody_up_for_ever()
    {
        StressReport report =
            await Stresses.RunAsync("live", Stresses.Few with { MostRounds = 2, ForceCollections = true, LoadThreads = 2 });
        Assert.True(report.Violation is null, report.Violation?.Message);
        AssertExercised(report);
        Assert.True(report.Totals.Collections > 0);
    }

    [Fact]
    public async Task A_stop_ends_the_round_under_way_and_checks_it()
    {
        using CancellationTokenSource stop = new();
        await using UffdRuntime runtime = UffdRuntime.Start(StressRun.ConfigurationOver(null));
        // The first fault that is asked for stops the run.
        StressRun run = new(Stresses.Few with
        {
            VisitsPerLap = int.MaxValue,
            WrapSource = (source, _) => new BrokenSource(source, (_, _) =>
            {
                stop.Cancel();
                return false;
            }),
        });
        StressReport report = await run.RunAsync(runtime, stop.Token).WaitAsync(TimeSpan.FromMinutes(5));

        Assert.True(report.Interrupted);
        Assert.Equal(1, report.Totals.Rounds);
        // Whether vCPUs have met by then is open.
        Assert.True(report.Violation is null, report.Violation?.Message);
        Assert.True(report.Totals.WholePages >= Stresses.Few.Pages);
    }

    [Fact]
    public async Task Steps_are_no_threads()
    {
        using SteppedHost host = new();
        StressException refusal = await Assert.ThrowsAsync<StressException>(() => new StressRun(Stresses.Few).RunAsync(host.Runtime));
        Assert.Contains("uffd explore", refusal.Message, StringComparison.Ordinal);
    }

    // Whether threads of the kernel meet in so short a run is up to its scheduler.
    private static void AssertExercised(StressReport report) =>
        Assert.All(report.Floors, f => Assert.True(f.IsMet || (report.Place.IsLive && f.What == "locks found taken"), f.ToString()));
}
