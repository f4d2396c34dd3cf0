using UffdActors.Actors;
using UffdActors.Explore.Reports;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Worlds;

namespace UffdActors.Explore;

/// <summary>
/// Makes runs, of any scenario in any order, on the thread that made it. Worlds are kept between runs of the same scenario; what a run
/// shows does not depend on whether its world is new.
/// </summary>
internal sealed class Explorer : IDisposable
{
    private readonly SteppedSystem _system = new();
    private readonly WorldParts _parts;
    private readonly bool _keepsWorlds;
    private ExploreWorld? _world;
    private readonly Dictionary<string, CoverageReport> _coverage = new(StringComparer.Ordinal);

    /// <param name="parts">What worlds are made of; null for what ships.</param>
    /// <param name="keepsWorlds">False to make a new world for every run, which only a test wants.</param>
    public Explorer(WorldParts? parts = null, bool keepsWorlds = true)
    {
        _parts = parts ?? WorldParts.Shipped;
        _keepsWorlds = keepsWorlds;
    }

    /// <summary>The world of the latest run: its choices and counts; null if the run has spent it.</summary>
    public ExploreWorld? World => _world;

    /// <summary>The choices of the latest run.</summary>
    public int[] LastChoices { get; private set; } = [];

    /// <summary>Makes a run.</summary>
    /// <exception cref="ScenarioException">The scenario cannot be set up.</exception>
    public RunResult Run(RunRequest request)
    {
        RunResult result = WorldOf(request.Scenario).Run(request, out bool isSpent);
        if (isSpent || !_keepsWorlds)
        {
            LastChoices = _world!.Choices.Values();
            Leave();
        }

        return result;
    }

    /// <summary>A world in which runs of a scenario can be made.</summary>
    public ExploreWorld WorldOf(Scenario scenario)
    {
        if (_world is not null && ReferenceEquals(_world.Scenario, scenario)) return _world;
        Leave();
        return _world = new ExploreWorld(_system, scenario, _parts);
    }

    /// <summary>The choices of the latest run, which is what repeats it.</summary>
    public int[] ChoicesOfLatest() => _world?.Choices.Values() ?? LastChoices;

    /// <summary>What the runs of a scenario have reached so far.</summary>
    public CoverageReport CoverageOf(Scenario scenario)
    {
        CoverageReport report = _coverage.GetValueOrDefault(scenario.Name) ?? new CoverageReport();
        return ReferenceEquals(_world?.Scenario, scenario) ? report.With(_world!) : report;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Leave();
        _system.Dispose();
    }

    private void Leave()
    {
        if (_world is null) return;
        _coverage[_world.Scenario.Name] = CoverageOf(_world.Scenario);
        _world.Dispose();
        _world = null;
    }
}
