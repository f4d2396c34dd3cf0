using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Reports;

namespace UffdActors.Cli.Reports;

/// <summary>What an exploration came to, for machines.</summary>
internal static class ExploreDocument
{
    public static string Of(ExploreReport report) => JsonText.Of("uffd-explore", new
    {
        report.Seed,
        report.Policy,
        Clean = report.IsClean,
        Interrupted = report.IsInterrupted,
        Scenarios = report.Scenarios.Select(scenario => new
        {
            Name = scenario.Scenario,
            Mode = scenario.MustFinish ? "liveness" : "safety",
            scenario.Schedules,
            scenario.Steps,
            DistinctTraces = scenario.Distinct,
            TraceDigest = scenario.Digest,
            Complete = scenario.IsComplete,
            Saturated = scenario.IsSaturated,
            ElapsedMs = (long)scenario.Elapsed.TotalMilliseconds,
            Reached = scenario.Coverage.Pairs.Select(p => new { p.Key.Message, Page = p.Key.State, Count = p.Value }),
            Faults = scenario.Coverage.Faults.Select(p => new { p.Key.Point, p.Key.Outcome, Count = p.Value }),
            scenario.Coverage.Holes,
            Violation = Of(scenario.Finding),
        }),
        Holes = report.Holes.Select(hole => new { hole.What, hole.Reason }),
        Mutants = report.Mutants.Select(mutant => new
        {
            mutant.Mutant.Name,
            mutant.Mutant.Rule,
            mutant.Mutant.Bug,
            Found = mutant.Finding is not null,
            mutant.Schedules,
            Violation = Of(mutant.Finding),
        }),
    });

    private static object? Of(Finding? finding) => finding is null
        ? null
        : new
        {
            Scenario = finding.Scenario.Name,
            finding.Violation.Invariant,
            finding.Violation.Sentence,
            finding.Policy,
            finding.Schedules,
            finding.Steps,
            TraceHash = finding.Hash,
        };
}
