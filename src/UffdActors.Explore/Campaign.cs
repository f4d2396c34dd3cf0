using System.Diagnostics;
using UffdActors.Dispatch.Stepping;
using UffdActors.Explore.Choices;
using UffdActors.Explore.Oracles;
using UffdActors.Explore.Policies;
using UffdActors.Explore.Reports;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Worlds;

namespace UffdActors.Explore;

/// <summary>How much is explored, and how.</summary>
internal sealed record CampaignOptions
{
    /// <summary>The scenario in the mode that is asked for; one that says itself that it may hang is never in liveness mode.</summary>
    public Scenario InMode(Scenario scenario) =>
        MustFinish is false && scenario.MustFinish ? scenario with { MustFinish = false } : scenario;

    /// <summary>Schedules of one scenario at the most.</summary>
    public long Schedules { get; init; } = 10_000;

    /// <summary>Time for one scenario; null for no limit.</summary>
    public TimeSpan? Duration { get; init; }

    /// <summary>Name of the policy, or <c>all</c>.</summary>
    public string Policy { get; init; } = "all";

    /// <summary>Seed: the same seed makes the same schedules. Programs that were drawn have their own.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>True for liveness mode, false for safety mode; null for what each scenario says.</summary>
    public bool? MustFinish { get; init; }

    /// <summary>Every run is compared with the sequential kernel.</summary>
    public bool HasReference { get; init; } = true;

    /// <summary>One in so many schedules is made a second time from its choices, and must be the same; 0 for none.</summary>
    public int RepeatOneIn { get; init; } = 256;
}

/// <summary>A violation, and what repeats it.</summary>
/// <param name="Scenario">What happens.</param>
/// <param name="Violation">What it broke.</param>
/// <param name="Choices">The choices of the run.</param>
/// <param name="Hash">Trace hash of the run.</param>
/// <param name="Steps">Its steps.</param>
/// <param name="Policy">Policy that found it.</param>
/// <param name="Schedules">Schedules that it took.</param>
internal sealed record Finding(
    Scenario Scenario, Violation Violation, IReadOnlyList<int> Choices, string Hash, int Steps, string Policy, long Schedules)
{
    /// <summary>The run was compared with the sequential kernel.</summary>
    public bool HasReference { get; init; } = true;
}

/// <summary>What exploring one scenario came to.</summary>
/// <param name="Scenario">Its name.</param>
/// <param name="Schedules">Schedules made.</param>
/// <param name="Steps">Steps of all of them.</param>
/// <param name="Distinct">Different trace hashes; counted up to a limit.</param>
/// <param name="IsComplete">True if there are no other schedules.</param>
/// <param name="IsSaturated">True if the second half of the schedules showed no new trace hash and no new pair.</param>
/// <param name="Coverage">What was reached.</param>
/// <param name="Finding">The first violation; exploring the scenario ends with it.</param>
/// <param name="Elapsed">Time it took.</param>
internal sealed record ScenarioReport(
    string Scenario,
    long Schedules,
    long Steps,
    long Distinct,
    bool IsComplete,
    bool IsSaturated,
    CoverageReport Coverage,
    Finding? Finding,
    TimeSpan Elapsed)
{
    /// <summary>True if every thread had to finish: liveness mode.</summary>
    public bool MustFinish { get; init; }

    /// <summary>The trace hashes of all schedules, in order, as one.</summary>
    public string Digest { get; init; } = "";
}

/// <summary>Explores scenarios one after the other, until a violation, a limit, or the end.</summary>
internal sealed class Campaign(Explorer explorer, CampaignOptions options, CancellationToken cancel = default)
{
    /// <summary>The invariant that a run is given by its choices.</summary>
    public const string Repeatable = "repeatable";

    private const int MostHashes = 4_000_000;
    private const int SchedulesBetweenLooks = 1024;

    /// <summary>Called now and then with the schedules made so far of the scenario at hand.</summary>
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

    /// <summary>Explores a scenario in every order there is, as far as the limits reach.</summary>
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
            if (result.Violation is not null) finding = Found(scenario, result.Violation, result, "exhaustive", schedules);
            complete = finding is null && !TryNext(explorer.World!.Choices.Taken, prefix);
            if (schedules % SchedulesBetweenLooks != 0) continue;
            Progress?.Invoke(scenario.Name, schedules);
            if (Stopwatch.GetElapsedTime(started) > options.Duration) break;
        }

        return new ScenarioReport(
            scenario.Name, schedules, steps, hashes.Count, complete, complete, explorer.CoverageOf(scenario), finding,
            Stopwatch.GetElapsedTime(started))
        { MustFinish = scenario.MustFinish };
    }

    /// <summary>The next sequence of choices in depth-first order: the last one that could have been another becomes that.</summary>
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

    /// <summary>What it means that two runs with the same choices are not the same; null if they are.</summary>
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
        ulong state = (scenario.Seed ?? options.Seed) + ((ulong)schedule * 0x9E37_79B9_7F4A_7C15);
        return SplitMix.Next(ref state);
    }
}
