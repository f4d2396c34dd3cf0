using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Scenarios;

namespace UffdActors.Explore.Mutants;

/// <summary>Explores mutants until they break an invariant.</summary>
internal sealed class MutantHunt(CampaignOptions options, bool shrinks, CancellationToken cancel)
{
    private const long FirstLook = 2_000;
    private const long FirstLookAtRandom = 100;

    /// <summary>Where to look; null for the scenarios that the mutant names.</summary>
    public IReadOnlyList<Scenario>? Scenarios { get; init; }

    /// <summary>Explores a mutant: few schedules of each of its scenarios first, then more.</summary>
    public MutantReport Hunt(Mutant mutant)
    {
        using Explorer explorer = new(mutant.Parts);
        long schedules = 0;
        ulong seed = options.Seed;
        Scenario[] scenarios = [.. (Scenarios ?? mutant.Scenarios.Select(NamedScenarios.Find)).Select(options.InMode)];
        for (long look = Scenarios is null ? FirstLook : FirstLookAtRandom;
            schedules < options.Schedules && !cancel.IsCancellationRequested; look *= 10)
        {
            foreach (Scenario scenario in scenarios)
            {
                long left = Math.Min(look, options.Schedules - schedules);
                if (left <= 0) break;
                Campaign campaign = new(explorer, options with { Schedules = left, Seed = seed++, RepeatOneIn = 16 }, cancel);
                ScenarioReport report = campaign.Explore(scenario);
                schedules += report.Schedules;
                if (report.Finding is not { } found) continue;
                found = found with { Schedules = schedules };
                return new MutantReport(mutant, schedules, shrinks ? new RunShrinker(explorer).Shrink(found) : found);
            }
        }

        return new MutantReport(mutant, schedules, null);
    }
}
