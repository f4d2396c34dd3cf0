using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Faults;
using UffdActors.Explore.Mutants;
using UffdActors.Explore.Policies;
using UffdActors.Explore.Reports;
using UffdActors.Explore.Runs;
using UffdActors.Explore.Scenarios;

namespace UffdActors.Explore.Tests;

public class ExplorationTests
{
    private static readonly string[] AllPolicies = ["fifo", "random", "pct:1", "pct:3", "pct:5", "delay:1", "delay:4", "starve"];

    public static TheoryData<string> Names => [.. NamedScenarios.All.Select(s => s.Name)];

    public static TheoryData<string> Replays =>
        [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Replays")).Select(path => Path.GetFileName(path)!)
            .Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void No_order_of_events_breaks_an_invariant_of_what_ships(string name)
    {
        using Explorer explorer = new();
        foreach (string policy in AllPolicies)
        {
            ScenarioReport report = new Campaign(
                explorer, new CampaignOptions { Schedules = 60, Policy = policy, RepeatOneIn = 16 }).Explore(NamedScenarios.Find(name));
            Assert.True(report.Finding is null, $"{policy}: {report.Finding?.Violation.Sentence}");
        }
    }

    [Fact]
    public void Fifty_thousand_schedules_over_all_named_scenarios_break_nothing_and_leave_no_hole()
    {
        int each = (50_000 / NamedScenarios.All.Count) + 1;
        ExploreReport report = new Exploration(
            new CampaignOptions { Schedules = each, Seed = 20_000 }, threads: 2, CancellationToken.None).Explore(NamedScenarios.All);

        Assert.True(
            report.IsClean,
            string.Join(
                '\n', report.Scenarios.Where(s => s.Finding is not null).Select(s => $"{s.Scenario}: {s.Finding!.Violation.Sentence}")));
        Assert.InRange(report.Schedules, 50_000, long.MaxValue);
        Assert.Equal(NamedScenarios.All.Count, report.Scenarios.Count);
        // Every message with a page in every state of a page, every fault point in every outcome.
        Assert.Empty(report.Holes);
    }

    [Theory]
    [MemberData(nameof(Replays))]
    public void What_exploration_once_found_does_not_happen_any_more(string file)
    {
        using Explorer explorer = new();
        RunResult result = ReplayFile.Read(Path.Combine(AppContext.BaseDirectory, "Replays", file)).Run(explorer);
        Assert.True(result.Violation is null, result.Violation?.Sentence);
    }

    [Fact]
    public void No_random_scenario_breaks_an_invariant_of_what_ships()
    {
        using Explorer explorer = new();
        foreach (Scenario scenario in Exploration.Random(seed: 1, count: 150))
        {
            ScenarioReport report = new Campaign(explorer, new CampaignOptions { Schedules = 60 }).Explore(scenario);
            Assert.True(report.Finding is null, $"{scenario.Name}: {report.Finding?.Violation.Sentence}\n{ScenarioText.Format(scenario)}");
        }
    }

    // The last takes half a minute, and is left out unless UFFD_LONG is set.
    [SkippableTheory]
    [InlineData("tiny-fault", 162)]
    [InlineData("tiny-zap", 86)]
    [InlineData("tiny-two-fills", 556_164)]
    public void Tiny_scenarios_are_explored_to_the_end(string name, int schedules)
    {
        Skip.If(
            schedules > 100_000 && Environment.GetEnvironmentVariable("UFFD_LONG") is null,
            "It takes half a minute; set UFFD_LONG=1 to run it.");
        using Explorer explorer = new();
        Campaign campaign = new(explorer, new CampaignOptions { Schedules = 1_000_000 });
        ScenarioReport report = campaign.ExploreAll(NamedScenarios.Find(name));

        Assert.True(report.IsComplete, $"{report.Schedules} schedules were not all");
        Assert.Null(report.Finding);
        Assert.Equal(schedules, report.Schedules);
        // No random order reaches anything that was not met in that.
        using Explorer other = new();
        ScenarioReport random = new Campaign(other, new CampaignOptions { Schedules = 4096 }).Explore(NamedScenarios.Find(name));
        Assert.Empty(random.Coverage.Pairs.Select(p => p.Key).Except(report.Coverage.Pairs.Select(p => p.Key)));
        Assert.InRange(random.Distinct, 1, report.Distinct);
    }

    [Fact]
    public void A_world_that_is_used_again_shows_what_a_new_one_shows()
    {
        foreach (Scenario scenario in NamedScenarios.All)
        {
            using Explorer again = new();
            using Explorer anew = new(keepsHosts: false);
            CampaignOptions options = new() { Schedules = 24, RepeatOneIn = 0 };
            string expected = new Campaign(again, options).Explore(scenario).Digest;
            Assert.Equal(expected, new Campaign(anew, options).Explore(scenario).Digest);
        }
    }

    [Fact]
    public void Another_seed_makes_other_schedules()
    {
        using Explorer explorer = new();
        Scenario scenario = NamedScenarios.Find("push-and-demand");
        string One(ulong seed) => new Campaign(explorer, new CampaignOptions { Schedules = 20, Seed = seed }).Explore(scenario).Digest;
        Assert.NotEqual(One(1), One(2));
        Assert.Equal(One(1), One(1));
    }

    [Fact]
    public async Task Two_processes_with_the_same_seed_give_the_same_traces()
    {
        string first = await DigestsOfProcess("all", schedules: 12);
        string second = await DigestsOfProcess("all", schedules: 12);

        Assert.Equal(first, second);
        Assert.Contains("lossy-wire", first, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_processes_draw_the_same_programs_and_schedules_from_the_same_seed()
    {
        string first = await DigestsOfProcess("random", schedules: 4);
        Assert.Equal(first, await DigestsOfProcess("random", schedules: 4));
        Assert.Contains("random-7 ", first, StringComparison.Ordinal);
    }

    [Fact]
    public void A_thread_that_starves_breaks_liveness_and_not_safety()
    {
        // A fill that is put aside for ever: nothing is wrong with any page, and somebody waits.
        Mutant mutant = MutantAssembly.Of(System.Reflection.Assembly.Load("UffdActors.Mutants"))
            .Single(m => m.Name == "defers-without-timer");
        CampaignOptions options = new() { Schedules = 2_000 };
        Finding? liveness = new MutantHunt(options with { MustFinish = true }, shrinks: false, CancellationToken.None).Hunt(mutant).Finding;
        Assert.Equal("finishes", liveness?.Violation.Invariant);
        Assert.Null(new MutantHunt(options with { MustFinish = false }, shrinks: false, CancellationToken.None).Hunt(mutant).Finding);
    }

    [Fact]
    public void A_violation_in_a_random_program_shrinks_the_program_and_its_schedule()
    {
        Mutant mutant = MutantAssembly.Of(System.Reflection.Assembly.Load("UffdActors.Mutants"))
            .Single(m => m.Name == "handler-does-not-look");
        using Explorer explorer = new(mutant.Parts);
        Finding found = Exploration.Random(seed: 1, count: 400)
            .Select(program => new Campaign(explorer, new CampaignOptions { Schedules = 60, RepeatOneIn = 0 }).Explore(program).Finding)
            .First(finding => finding is { Scenario.Actions: > 5, Violation.Invariant: "history" })!;
        Finding shrunk = new RunShrinker(explorer).Shrink(found);

        Assert.Equal(found.Violation.Invariant, shrunk.Violation.Invariant);
        Assert.True(
            shrunk.Scenario.Actions < found.Scenario.Actions && shrunk.Scenario.Pages <= found.Scenario.Pages,
            ScenarioText.Format(shrunk.Scenario));
        Assert.True(shrunk.Scenario.Program.Count(c => c != 0) < found.Scenario.Program.Count(c => c != 0));
        Assert.True(shrunk.Choices.Count(c => c != 0) < found.Choices.Count(c => c != 0));
        Assert.True(shrunk.Steps < found.Steps);

        // One list of choices makes program and schedule, and the file has both.
        ReplayFile file = ReplayFile.Of(shrunk, seed: 1, mutant.Name);
        Scenario again = RandomProgram.Of(file.Program!, file.Name);
        Assert.Equal(string.Join('\n', file.Scenario), ScenarioText.Format(again).TrimEnd('\n'));
        RunResult result = file.Run(explorer);
        Assert.Equal((shrunk.Violation.Sentence, shrunk.Hash), (result.Violation?.Sentence, result.Hash.Text));
    }

    [Fact]
    public void Every_step_of_a_run_is_in_its_chart()
    {
        using Explorer explorer = new();
        SequenceChart chart = new();
        RunResult result =
            explorer.Run(new RunRequest { Scenario = NamedScenarios.Find("tiny-fault"), Policy = new FifoOrder(), Observer = chart });

        string text = chart.ToText("a run");
        Assert.Contains("resolver", text, StringComparison.Ordinal);
        Assert.Contains("ram:0 None -> Anon", text, StringComparison.Ordinal);
        Assert.Contains($"\n{result.Steps,5}  ", text, StringComparison.Ordinal);
        System.Xml.Linq.XDocument svg = System.Xml.Linq.XDocument.Parse(chart.ToSvg("a <run>"));
        Assert.Equal("svg", svg.Root!.Name.LocalName);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_chart_shows_no_class_of_a_message(string name)
    {
        using Explorer explorer = new();
        Scenario scenario = NamedScenarios.Find(name);
        Words words = new();
        for (ulong seed = 1; seed <= 30; seed++)
            _ = explorer.Run(new RunRequest { Scenario = scenario, Policy = new RandomOrder(), Seed = seed, Observer = words });

        Assert.NotEmpty(words.Seen);
        // The kinds of fills, the states of a page, and errnos are words of the field.
        string[] ofTheField = ["ZeroPage", "SigBus", "SigSegv"];
        Assert.DoesNotContain(
            words.Seen, seen => Regex.Matches(seen.Text, @"\b([A-Z][a-z]+){2,}\b").Any(word => !ofTheField.Contains(word.Value)));
        // Of each kind that is met it is known what it is called.
        Assert.DoesNotContain(
            words.Seen, seen => seen.Message is not null && (seen.Text is "(housekeeping)" or "call" || seen.Text.Length == 0));
    }

    /// <summary>What is said of each message.</summary>
    private sealed class Words : IRunObserver
    {
        public HashSet<(string? Message, string Text)> Seen { get; } = [];

        public void Stepped(int step, string actor, object? message, string text, string changes) =>
            _ = Seen.Add((message?.GetType().Name, text));
    }

    [Fact]
    public void Coverage_names_what_was_reached_and_what_was_not()
    {
        using Explorer explorer = new();
        Scenario scenario = NamedScenarios.Find("lossy-wire");
        ScenarioReport few = new Campaign(explorer, new CampaignOptions { Schedules = 1, Policy = "fifo" }).Explore(scenario);
        ScenarioReport many = new Campaign(explorer, new CampaignOptions { Schedules = 2_000 }).Explore(scenario);

        Assert.Contains(few.Coverage.Holes, hole => hole.Contains("never happened", StringComparison.Ordinal));
        Assert.DoesNotContain(many.Coverage.Holes, hole => hole.Contains("never happened", StringComparison.Ordinal));
        Assert.True(many.Coverage.Pairs[("PageRequest", "None")] > 0);
        Assert.False(many.IsSaturated);
    }

    [Fact]
    public void What_no_run_has_reached_is_a_hole_with_its_reason()
    {
        Scenario scenario = NamedScenarios.Find("lossy-wire");
        FaultPoint[] allowed = [.. scenario.Faults];
        CoverageReport report = new();
        foreach (FaultPoint point in allowed)
        {
            report.Faults[(FaultPoints.NameOf(point), "happened")] = point == allowed[0] ? 0 : 1;
            report.Faults[(FaultPoints.NameOf(point), "passed")] = 1;
        }

        report.Pairs[("Access", "None")] = 1;
        IReadOnlyList<CoverageHole> holes = CoverageHoles.Of([scenario], [report]);
        CoverageHole never = Assert.Single(holes, h => h.What == $"{FaultPoints.NameOf(allowed[0])} never happened");
        Assert.StartsWith("not met in so many schedules", never.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain(holes, h => h.What == $"{FaultPoints.NameOf(allowed[0])} was never passed");
        FaultPoint other = FaultPoints.All.First(p => !allowed.Contains(p));
        Assert.Contains(new CoverageHole($"{FaultPoints.NameOf(other)} never happened", "no explored scenario allows it"), holes);
        Assert.Contains(holes, h => h.What == "Access met no page that is Anon");
        Assert.DoesNotContain(holes, h => h.What == "Access met no page that is None");
    }

    [Fact]
    public void Coverage_adds_up_over_the_visits_to_a_scenario()
    {
        using Explorer explorer = new();
        Scenario scenario = NamedScenarios.Find("lossy-wire");
        CampaignOptions options = new() { Schedules = 200, RepeatOneIn = 0 };
        CoverageReport first = new Campaign(explorer, options).Explore(scenario).Coverage;
        _ = new Campaign(explorer, options with { Schedules = 1 }).Explore(NamedScenarios.Find("tiny-fault"));
        CoverageReport both = new Campaign(explorer, options with { Schedules = 1 }).Explore(scenario).Coverage;
        Assert.All(first.Pairs, pair => Assert.True(both.Pairs.GetValueOrDefault(pair.Key) >= pair.Value, $"{pair.Key}"));
        Assert.All(first.Faults, fault => Assert.True(both.Faults.GetValueOrDefault(fault.Key) >= fault.Value, $"{fault.Key}"));
        Assert.True(both.Pairs.Values.Sum() > first.Pairs.Values.Sum());
    }

    /// <summary>From the third on nothing fails any more, and only so may every thread be required to finish.</summary>
    [Fact]
    public void A_run_has_three_injected_faults_at_the_most()
    {
        using Explorer explorer = new();
        Scenario scenario = NamedScenarios.Find("lossy-wire");
        int[] happened =
        [
            .. Enumerable.Range(1, 400).Select(seed =>
            {
                RunRequest request = new() { Scenario = scenario, Seed = (ulong)seed, Policy = new FifoOrder(), HasReference = false };
                Assert.Null(explorer.Run(request).Violation);
                return explorer.Host?.Faults.Happened ?? 0;
            }),
        ];
        Assert.Equal(3, happened.Max());
    }

    [Fact]
    public void A_mutant_that_is_not_found_is_not_clean()
    {
        Mutant mutant = MutantAssembly.Of(System.Reflection.Assembly.Load("UffdActors.Mutants"))[0];
        Assert.False(new ExploreReport(1, "all", [], [new MutantReport(mutant, 1, null)]).IsClean);
    }

    [Fact]
    public void Policies_take_turns()
    {
        using Explorer explorer = new();
        Scenario scenario = NamedScenarios.Find("push-and-demand");
        string Digest(string policy) =>
            new Campaign(explorer, new CampaignOptions { Schedules = 24, Policy = policy, RepeatOneIn = 0 }).Explore(scenario).Digest;
        Assert.DoesNotContain(Digest("all"), AllPolicies.Select(Digest));
    }

    private static async Task<string> DigestsOfProcess(string scenario, int schedules)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "uffd.dll");
        ProcessStartInfo start = new(
            "dotnet",
            [program, "explore", "--scenario", scenario, "--schedules", $"{schedules}", "--seed", "7", "--json", "-"])
        {
            RedirectStandardOutput = true,
        };
        // Strings hash differently in every process; this makes sure of it.
        start.Environment["DOTNET_UseRandomizedStringHashAlgorithm"] = "1";
        using Process process = Process.Start(start)!;
        string json = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        JsonArray scenarios = JsonNode.Parse(json)!["scenarios"]!.AsArray();
        return string.Join('\n', scenarios.Select(s => $"{s!["name"]} {s["traceDigest"]}"));
    }
}
