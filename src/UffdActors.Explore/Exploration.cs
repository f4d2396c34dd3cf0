using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Mutants;
using UffdActors.Explore.Reports;
using UffdActors.Explore.Scenarios;

namespace UffdActors.Explore;

/// <summary>
/// Explores many scenarios, or hunts many mutants, on several threads. Each has an explorer of its own, and no scenario's schedules depend
/// on how many threads there are.
/// </summary>
internal sealed class Exploration(CampaignOptions options, int threads, CancellationToken cancel)
{
    private const int MostTold = 200;
    private static readonly TimeSpan BetweenReports = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, long> _schedules = [];
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly Lock _reporting = new();
    private TimeSpan _reported;
    private int _done;

    /// <summary>Called when a scenario or a mutant is done, from any thread.</summary>
    public Action<string>? OnDone { get; init; }

    /// <summary>Called about every ten seconds with the progress, from any thread.</summary>
    public Action<string>? OnProgress { get; init; }

    /// <summary>Schedules so far. Any thread.</summary>
    public long Schedules => _schedules.Values.Sum();

    /// <summary>Scenarios that are done. Any thread.</summary>
    public int Done => Volatile.Read(ref _done);

    /// <summary>Explores scenarios; a run that breaks an invariant is shrunk.</summary>
    public ExploreReport Explore(IReadOnlyList<Scenario> scenarios)
    {
        IReadOnlyList<ScenarioReport> reports = InParallel(scenarios, (scenario, kept) =>
        {
            Explorer explorer = kept.Take();
            Campaign campaign = new(explorer, options, cancel) { Progress = (name, schedules) => Report(name, schedules, scenarios.Count) };
            scenario = options.InMode(scenario);
            ScenarioReport report = options.Policy == Campaign.Exhaustive ? campaign.ExploreAll(scenario) : campaign.Explore(scenario);
            if (report.Finding is { } finding) report = report with { Finding = new RunShrinker(explorer).Shrink(finding) };
            _schedules[report.Scenario] = report.Schedules;
            _ = Interlocked.Increment(ref _done);
            Report(report.Scenario, report.Schedules, scenarios.Count);
            if (report.Finding is not null || scenarios.Count <= MostTold)
                OnDone?.Invoke(
                    report.Finding is { } shrunk
                        ? $"{scenario.Name}: {shrunk.Violation.Sentence}"
                        : $"{scenario.Name}: {report.Schedules} schedules");
            return report;
        });
        return new ExploreReport(options.Seed, options.Policy, reports, [])
        {
            // Interrupted: the gaps in coverage mean nothing.
            Holes = cancel.IsCancellationRequested ? [] : CoverageHoles.Of(scenarios, reports.Select(r => r.Coverage)),
            IsInterrupted = cancel.IsCancellationRequested,
        };
    }

    /// <summary>Hunts mutants.</summary>
    /// <param name="mutants">The mutants.</param>
    /// <param name="scenarios">Where to look for them; null for the scenarios that each names.</param>
    public ExploreReport Hunt(IReadOnlyList<Mutant> mutants, IReadOnlyList<Scenario>? scenarios = null)
    {
        IReadOnlyList<MutantReport> reports = InParallel(mutants, (mutant, _) =>
        {
            MutantReport report = new MutantHunt(options, shrinks: true, cancel) { Scenarios = scenarios }.Hunt(mutant);
            OnDone?.Invoke(
                $"{mutant.Rule} {mutant.Name}: {(report.Finding is null ? "not found" : $"found after {report.Schedules} schedules")}");
            return report;
        });
        bool interrupted = cancel.IsCancellationRequested;
        // A mutant whose hunt was interrupted does not count as missed.
        return new ExploreReport(
            options.Seed, options.Policy, [],
            interrupted ? [.. reports.Where(r => r.Finding is not null)] : reports)
        { IsInterrupted = interrupted };
    }

    /// <summary>Programs drawn from seeds.</summary>
    public static IReadOnlyList<Scenario> Random(ulong seed, int count) =>
        [.. Enumerable.Range(0, count).Select(i => RandomProgram.OfSeed(seed + (ulong)i))];

    private void Report(string scenario, long schedules, int scenarios)
    {
        _schedules[scenario] = schedules;
        if (OnProgress is null || Stopwatch.GetElapsedTime(_began) is var elapsed && elapsed - _reported < BetweenReports) return;
        lock (_reporting)
        {
            if (elapsed - _reported < BetweenReports) return;
            _reported = elapsed;
        }

        long sum = _schedules.Values.Sum();
        OnProgress(string.Create(
            CultureInfo.InvariantCulture,
            $"{elapsed.TotalSeconds:0} s: {sum:N0} schedules, {sum / elapsed.TotalSeconds:N0} a second; {_done} of {scenarios} "
                + $"scenarios done"));
    }

    /// <summary>Results in the order of the items; after an interruption those there are.</summary>
    private IReadOnlyList<TResult> InParallel<T, TResult>(IReadOnlyList<T> items, Func<T, KeptExplorer, TResult> body)
        where TResult : class
    {
        var results = new TResult?[items.Count];
        ConcurrentQueue<Exception> failures = new();
        int next = -1;
        Thread[] workers = [.. Enumerable.Range(0, Math.Min(threads, items.Count)).Select(_ => new Thread(Work) { IsBackground = true })];
        foreach (Thread worker in workers) worker.Start();
        foreach (Thread worker in workers) worker.Join();
        if (failures.TryDequeue(out Exception? failure)) throw new AggregateException(failure).GetBaseException();
        return [.. results.OfType<TResult>()];

        void Work()
        {
            try
            {
                using KeptExplorer kept = new();
                for (int i = Interlocked.Increment(ref next); i < items.Count && failures.IsEmpty && !cancel.IsCancellationRequested;
                    i = Interlocked.Increment(ref next))
                    results[i] = body(items[i], kept);
            }
            catch (Exception e)
            {
                failures.Enqueue(e);
            }
        }
    }

    /// <summary>
    /// The explorer of a thread: making one takes as long as a few schedules, and the result of a run does not depend on the runs before
    /// it.
    /// </summary>
    private sealed class KeptExplorer : IDisposable
    {
        // Its counts of coverage grow with every scenario.
        private const int MostScenarios = 64;

        private Explorer? _explorer;
        private int _scenarios;

        public Explorer Take()
        {
            if (_scenarios++ % MostScenarios == 0)
            {
                Dispose();
                _explorer = new Explorer();
            }

            return _explorer!;
        }

        public void Dispose() => _explorer?.Dispose();
    }
}
