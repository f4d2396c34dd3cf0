using UffdActors.Dispatch.Stepping;
using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Choices;
using UffdActors.Explore.Policies;
using UffdActors.Explore.Runs;
using UffdActors.Explore.Scenarios;

namespace UffdActors.Explore.Tests;

/// <summary>Each policy makes the orders that it is there for: one that made others would find less, and nobody would see that.</summary>
public class PolicyTests
{
    private const int Runs = 64;

    // An actor that is ready so often beside others and never runs is starved: by chance that does not happen.
    private const int NotByChance = 16;

    // The policy puts an actor that runs so often in a row behind the others.
    private const int MostInARow = 24;

    [Fact]
    public void First_in_first_out_takes_the_oldest() => Assert.All(RunsOf("fifo"), run => Assert.All(run, c => Assert.Equal(0, c.Taken)));

    [Fact]
    public void A_random_order_takes_each_that_is_ready()
    {
        IEnumerable<Choice> choices = RunsOf("random").SelectMany(run => run).Where(c => c.Ready.Length == 3);
        Assert.Equal([0, 1, 2], choices.Select(c => c.Taken).Distinct().Order());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void As_many_delays_as_are_asked_for_and_no_more(int delays)
    {
        int[] made = [.. RunsOf($"delay:{delays}").Select(run => run.Count(c => c.Taken != 0))];
        Assert.Equal(delays, made.Max());
        Assert.True(made.Distinct().Count() > 1, "It is drawn when.");
    }

    [Fact]
    public void Priorities_decide_who_runs_and_are_drawn_anew_for_each_run()
    {
        HashSet<(int, int)> over = [];
        foreach (List<Choice> run in RunsOf("pct:1"))
        {
            Assert.Equal(0, Turns(run, out HashSet<(int, int)> pairs));
            over.UnionWith(pairs);
        }

        Assert.Contains(over, pair => over.Contains((pair.Item2, pair.Item1)));
    }

    [Fact]
    public void A_priority_changes_at_a_step_that_is_drawn_where_the_depth_says_so()
    {
        Assert.Contains(RunsOf("pct:2"), run => Turns(run, out _) > 0);
        Assert.Contains(RunsOf("pct:5"), run => Turns(run, out _) > 1);
    }

    [Theory]
    [InlineData("starve", true)]
    [InlineData("random", false)]
    public void One_actor_runs_only_where_no_other_can(string policy, bool starves) =>
        Assert.Equal(starves, RunsOf(policy).Any(run => run.SelectMany(c => c.Ready).Distinct().Any(label => IsStarved(run, label))));

    [Fact]
    public void The_mix_has_one_of_each_kind() => Assert.Equal(
        ["delay", "pct", "random", "starve"],
        SchedulePolicy.Find("all")!.Select(p => p.Name.Split(':')[0]).Distinct().Order(StringComparer.Ordinal));

    // How often two actors that were ready together took turns at going first.
    private static int Turns(List<Choice> run, out HashSet<(int First, int Second)> pairs)
    {
        pairs = [];
        int turns = 0;
        int inARow = 0;
        int latest = -1;
        foreach (Choice choice in run)
        {
            int first = choice.Ready[choice.Taken];
            inARow = first == latest ? inARow + 1 : 0;
            latest = first;
            if (inARow >= MostInARow - 1) return 0;
            foreach (int second in choice.Ready.Where(label => label != first))
            {
                if (pairs.Remove((second, first))) turns++;
                _ = pairs.Add((first, second));
            }
        }

        return turns;
    }

    private static bool IsStarved(List<Choice> run, int label)
    {
        IEnumerable<Choice> beside = run.Where(c => c.Ready.Contains(label) && c.Ready.Any(other => other != label)).Take(NotByChance);
        return beside.Count() == NotByChance && beside.All(c => c.Ready[c.Taken] != label);
    }

    private static List<List<Choice>> RunsOf(string name)
    {
        using Explorer explorer = new();
        Scenario scenario = NamedScenarios.Find("two-vcpus-one-madvise");
        SchedulePolicy policy = Assert.Single(SchedulePolicy.Find(name)!);
        List<List<Choice>> runs = [];
        int expected = 100;
        for (ulong seed = 1; seed <= Runs; seed++)
        {
            PolicyRandom random = new();
            random.Begin(seed);
            policy.Begin(random, expected);
            Observed observed = new(policy);
            expected = explorer.Run(new RunRequest { Scenario = scenario, Policy = observed, Seed = seed }).Steps;
            runs.Add(observed.Choices);
        }

        return runs;
    }

    /// <summary>Labels of those that were ready, and which of them was taken.</summary>
    private sealed record Choice(int[] Ready, int Taken);

    private sealed class Observed(SchedulePolicy policy) : SchedulePolicy
    {
        public List<Choice> Choices { get; } = [];

        public override string Name => policy.Name;

        public override void Begin(PolicyRandom random, int expectedSteps) => policy.Begin(random, expectedSteps);

        public override int Choose(IReadOnlyList<SteppedTask> ready, int step)
        {
            int taken = policy.Choose(ready, step);
            Choices.Add(new Choice([.. ready.Select(r => r.Label)], taken));
            return taken;
        }
    }
}
