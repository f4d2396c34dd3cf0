using System.Diagnostics;
using UffdActors.Explore.Choices;
using UffdActors.Explore.Oracles;
using UffdActors.Explore.Policies;
using UffdActors.Explore.Runs;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Model.Memory;

namespace UffdActors.Explore.Campaigns;

/// <summary>Explores scenarios one after the other, until a violation, a limit, or the end.</summary>
internal sealed class Campaign(Explorer explorer, CampaignOptions options, CancellationToken cancel = default)
{
    /// <summary>The invariant that a run is determined by its choices.</summary>
    public const string Repeatable = "repeatable";

    /// <summary>What stands for a policy where every order was tried.</summary>
    public const string Exhaustive = "exhaustive";

    private const int MostHashes = 4_000_000;
    private const int SchedulesBetweenLooks = 1024;

    /// <summary>Called at intervals with the number of schedules made so far of the current scenario.</summary>
    public Action<string, long>? Progress { get; init; }

    /// <summary>Explores a scenario in orders that the policies draw from the seed.</summary>
    public ScenarioReport Explore(Scenario scenario)
    {
        SchedulePolicy[] policies = SchedulePolicy.Find(options.Policy)
            ?? throw new ScenarioException($"There is no policy \"{options.Policy}\"; there are {SchedulePolicy.Names}, all, exhaustive.");
        PolicyRandom random = new();
        HashSet<ulong> hashes = [];
        TraceHash digest = default;
        long started = Stopwatch.GetTimestamp();
        long lastNew = 0;
        long schedules = 0;
        long steps = 0;
        int expected = 100;
        int reached = 0;
        Finding? finding = null;
        while (finding is null && schedules < options.Schedules && !cancel.IsCancellationRequested)
        {
            SchedulePolicy policy = policies[schedules % policies.Length];
            ulong seed = SeedOf(scenario, schedules);
            random.Begin(seed);
            policy.Begin(random, expected);
            RunResult result =
                explorer.Run(new RunRequest { Scenario = scenario, Policy = policy, Seed = seed, HasReference = options.HasReference });
            schedules++;
            steps += result.Steps;
            digest.Add(result.Hash.Value);
            expected = result.Steps;
            if (hashes.Count < MostHashes && hashes.Add(result.Hash.Value)) lastNew = schedules;
            if (result.Violation is not null) finding = Found(scenario, result.Violation, result, policy.Name, schedules);
            else if (options.RepeatOneIn > 0 && schedules % options.RepeatOneIn == 0)
                finding = Repeat(scenario, result, policy.Name, schedules);
            if (schedules % SchedulesBetweenLooks != 0) continue;
            Progress?.Invoke(scenario.Name, schedules);
            int now = explorer.CoverageOf(scenario).Reached;
            if (now > reached) lastNew = schedules;
            reached = now;
            if (Stopwatch.GetElapsedTime(started) > options.Duration) break;
        }

        return new ScenarioReport(
            scenario.Name,
            schedules,
            steps,
            hashes.Count,
            IsComplete: false,
            IsSaturated: schedules >= 2 * SchedulesBetweenLooks && lastNew <= schedules / 2 && hashes.Count < MostHashes,
            explorer.CoverageOf(scenario),
            finding,
            Stopwatch.GetElapsedTime(started))
        { Digest = digest.Text, MustFinish = scenario.MustFinish };
    }

    /// <summary>Explores a scenario in every order, up to the limits.</summary>
    public ScenarioReport ExploreAll(Scenario scenario)
    {
        HashSet<ulong> hashes = [];
        long started = Stopwatch.GetTimestamp();
        long schedules = 0;
        long steps = 0;
        Finding? finding = null;
        List<int> prefix = [];
        bool complete = false;
        while (finding is null && schedules < options.Schedules && !complete && !cancel.IsCancellationRequested)
        {
            RunResult result = explorer.Run(new RunRequest { Scenario = scenario, Choices = prefix, HasReference = options.HasReference });
            schedules++;
            steps += result.Steps;
            if (hashes.Count < MostHashes) _ = hashes.Add(result.Hash.Value);
            if (result.Violation is not null) finding = Found(scenario, result.Violation, result, Exhaustive, schedules);
            complete = finding is null && !TryNext(explorer.Host!.Choices.Taken, prefix);
            if (schedules % SchedulesBetweenLooks != 0) continue;
            Progress?.Invoke(scenario.Name, schedules);
            if (Stopwatch.GetElapsedTime(started) > options.Duration) break;
        }

        return new ScenarioReport(
            scenario.Name, schedules, steps, hashes.Count, complete, complete, explorer.CoverageOf(scenario), finding,
            Stopwatch.GetElapsedTime(started))
        { MustFinish = scenario.MustFinish };
    }

    /// <summary>The next sequence of choices in depth-first order: the last choice that has a higher value left takes the next
    /// one.</summary>
    private static bool TryNext(IReadOnlyList<Choice> taken, List<int> prefix)
    {
        int last = taken.Count - 1;
        while (last >= 0 && taken[last].Value + 1 >= taken[last].Bound) last--;
        if (last < 0) return false;
        prefix.Clear();
        for (int i = 0; i < last; i++) prefix.Add(taken[i].Value);
        prefix.Add(taken[last].Value + 1);
        return true;
    }

    private Finding? Repeat(Scenario scenario, RunResult first, string policy, long schedules)
    {
        int[] choices = explorer.ChoicesOfLatest();
        RunResult second = explorer.Run(new RunRequest { Scenario = scenario, Choices = choices, HasReference = options.HasReference });
        if (second.Hash.Value == first.Hash.Value) return null;
        return Found(scenario, second.Violation ?? Differs(first, second)!, second, policy, schedules);
    }

    /// <summary>The violation of two runs that differ though their choices are the same; null if they are equal.</summary>
    public static Violation? Differs(RunResult first, RunResult second) => first.Hash.Value == second.Hash.Value
        ? null
        : new Violation(Repeatable, $"the same choices gave trace {first.Hash.Text} and then {second.Hash.Text}", second.Steps);

    private Finding Found(Scenario scenario, Violation violation, RunResult result, string policy, long schedules) =>
        new(scenario, violation, explorer.ChoicesOfLatest(), result.Hash.Text, result.Steps, policy, schedules)
        {
            HasReference = options.HasReference,
        };

    private ulong SeedOf(Scenario scenario, long schedule)
    {
        ulong state = (scenario.Seed ?? options.Seed) + GoldenRatio.Hash((ulong)schedule);
        return SplitMix.Next(ref state);
    }
}
