using UffdActors.Actors;
using UffdActors.Explore.Runs;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;

namespace UffdActors.Explore.Campaigns;

/// <summary>
/// Makes runs, of any scenario in any order, on the thread that made it. The host is kept between runs of the same scenario; the result of
/// a run does not depend on whether its host is new.
/// </summary>
internal sealed class Explorer : IDisposable
{
    // A run with huge pages leaves about 10 MiB of native memory to finalizers, which the garbage collector does not count.
    private const int HugeRunsBetweenCollections = 16;

    private readonly SteppedSystem _system = new();
    private readonly RunParts _parts;
    private readonly bool _keepsHosts;
    private RunHost? _host;
    private int _hugeRuns;
    private readonly Dictionary<string, CoverageReport> _coverage = new(StringComparer.Ordinal);

    /// <param name="parts">Makes the parts of every run; null for the shipped ones.</param>
    /// <param name="keepsHosts">False to make a new host for every run, as a test does.</param>
    public Explorer(RunParts? parts = null, bool keepsHosts = true)
    {
        _parts = parts ?? RunParts.Shipped;
        _keepsHosts = keepsHosts;
    }

    /// <summary>The host of the latest run, with its choices and counts; null if it cannot be used again.</summary>
    public RunHost? Host => _host;

    /// <summary>The choices of the latest run.</summary>
    public int[] LastChoices { get; private set; } = [];

    /// <summary>Makes a run.</summary>
    /// <exception cref="ScenarioException">The scenario cannot be set up.</exception>
    public RunResult Run(RunRequest request)
    {
        RunResult result = Run(HostOf(request.Scenario), request, out bool isSpent);
        if (isSpent || !_keepsHosts)
        {
            LastChoices = _host!.Choices.Values();
            Leave();
        }

        return result;
    }

    /// <summary>A host in which runs of a scenario can be made.</summary>
    public RunHost HostOf(Scenario scenario)
    {
        if (_host is not null && ReferenceEquals(_host.Scenario, scenario)) return _host;
        Leave();
        return _host = new RunHost(_system, scenario, _parts);
    }

    /// <summary>The choices of the latest run, which is what repeats it.</summary>
    public int[] ChoicesOfLatest() => _host?.Choices.Values() ?? LastChoices;

    /// <summary>What the runs of a scenario have reached so far.</summary>
    public CoverageReport CoverageOf(Scenario scenario)
    {
        CoverageReport report = _coverage.GetValueOrDefault(scenario.Name) ?? new CoverageReport();
        return ReferenceEquals(_host?.Scenario, scenario) ? report.With(_host!) : report;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Leave();
        _system.Dispose();
    }

    private RunResult Run(RunHost host, RunRequest request, out bool isSpent)
    {
        while (true)
        {
            RunResult result = new ScenarioRun(host, request).Execute();
            if (host.Layout.UnitPages > 1 && ++_hugeRuns % HugeRunsBetweenCollections == 0)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }

            // A call that sleeps for ever does not free its folios.
            isSpent = result.Violation is not null || host.Failure is not null || !result.IsFinished;
            if (isSpent || !host.Pool.WasShort) return result;
            // The pool had run out of actors, and making one takes steps that reusing one does not: repeat the run with a full pool.
            host.Pool.Reclaim();
        }
    }

    private void Leave()
    {
        if (_host is null) return;
        _coverage[_host.Scenario.Name] = CoverageOf(_host.Scenario);
        _host.Dispose();
        _host = null;
    }
}
