using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Mutants;

namespace UffdActors.Explore.Reports;

/// <summary>Result of an exploration, for JSON and text output.</summary>
internal sealed record ExploreReport(
    ulong Seed, string Policy, IReadOnlyList<ScenarioReport> Scenarios, IReadOnlyList<MutantReport> Mutants)
{
    /// <summary>True if nothing was broken, and every mutant was found.</summary>
    public bool IsClean => Scenarios.All(s => s.Finding is null) && Mutants.All(m => m.Finding is not null);

    /// <summary>It was interrupted: it holds the results up to then.</summary>
    public bool IsInterrupted { get; init; }

    /// <summary>What the scenarios have not reached together.</summary>
    public IReadOnlyList<CoverageHole> Holes { get; init; } = [];

    /// <summary>Schedules of all scenarios.</summary>
    public long Schedules => Scenarios.Sum(s => s.Schedules);
}
