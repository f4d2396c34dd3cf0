using UffdActors.Explore.Choices;
using UffdActors.Explore.Faults;
using UffdActors.Explore.Policies;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Worlds;

namespace UffdActors.Explore.Tests;

/// <summary>Scenarios out of a seed: what there is in them, that they can be repeated, and what they have shown, shrunk.</summary>
public class RandomScenarioTests
{
    private const string Uffd = "contexts { uffd { features = [event-fork, event-remap, event-remove, event-unmap], handlers = 1, ";
    private const string Silent = "contexts { uffd { handlers = 1, ";

    [Fact]
    public void Random_scenarios_have_everything_that_a_scenario_can_have()
    {
        Scenario[] all = [.. Exploration.Random(seed: 1, count: 3_000)];
        ThreadAction[] actions = [.. all.SelectMany(s => s.Setup.Concat(s.Threads.SelectMany(t => t.Actions)))];
        ContextPlan[] contexts = [.. all.SelectMany(s => s.Contexts)];

        Assert.Equal(
            Enum.GetValues<ActionKind>()
                .Except([ActionKind.Peek, ActionKind.PageOut, ActionKind.MremapKeep, ActionKind.ReadChild, ActionKind.Exit]),
                actions.Select(a => a.Kind).Distinct().Order());
        Assert.Equal(
            FaultPoints.All.Except(FaultPoints.WrongAnswers).Except([FaultPoint.HookThrow]).Order(),
            all.SelectMany(s => s.Faults).Distinct().Order());
        Assert.Equal(Enum.GetValues<MemoryKind>(), all.SelectMany(s => s.Regions).Select(r => r.Memory).Distinct().Order());
        Assert.Equal(["linux-6.18", "linux-7.1", "seed"], all.Select(s => s.Kernel.Name).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(7, contexts.SelectMany(c => c.Registered).Select(r => r.Modes).Distinct().Count());
        Assert.All(
            ScenarioText.FeatureWords.Where(f => f.Word is not ("move" or "poison" or "thread-id")),
            f => Assert.Contains(contexts, c => (c.Features & f.Feature) != 0));
        Assert.Equal([0, 1, 2, 3], contexts.Select(c => c.Handlers).Distinct().Order());
        Assert.Contains(all, s => s.Contexts.Length == 2 && s.Threads.Length == 4 && s.Contexts.All(c => c.Handlers > 0));
        Assert.Contains(all, s => s.Contexts.Any(c => c.Push) && s.Faults.Contains(FaultPoint.RacingResolver) && s.Has(ActionKind.Mremap));
        Assert.Contains(all, s => s.Regions.Any(r => r.Alias && r.Memory == MemoryKind.GuestMemfd));
        Assert.Contains(all, s => !s.Setup.IsEmpty);
        Assert.Contains(all, s => !s.MustFinish);
    }

    [Fact]
    public void A_random_scenario_that_is_read_from_its_text_makes_the_same_runs()
    {
        using Explorer explorer = new();
        PolicyRandom random = new();
        SchedulePolicy policy = SchedulePolicy.Find("random")![0];
        foreach (Scenario drawn in Exploration.Random(seed: 700, count: 150))
        {
            string text = ScenarioText.Format(drawn);
            Scenario read = ScenarioText.Parse(drawn.Name, text);
            Assert.Equal(text, ScenarioText.Format(read));
            Assert.Equal(drawn.Regions.Select(r => r.Name), read.Regions.Select(r => r.Name));
            random.Begin(seed: 5);
            policy.Begin(random, expectedSteps: 100);
            RunResult first = explorer.Run(new RunRequest { Scenario = drawn, Policy = policy, Seed = 5 });
            int[] choices = explorer.ChoicesOfLatest();
            Assert.Equal(first.Hash.Text, explorer.Run(new RunRequest { Scenario = read, Choices = choices }).Hash.Text);
        }
    }

    // Of a private mapping COPY has filled, the cache has nothing: CONTINUE gives EFAULT and COPY EEXIST, again and again (Linux 6.18.44
    // was asked).
    [Theory]
    [InlineData(
        "kernel = linux-6.18, regions { ram { pages = 1, memory = shmem-private } }, " + Uffd
            + "register.ram = [missing, minor], push = on } }, threads { t = [\"read ram 0\"] }")]
    [InlineData(
        "kernel = linux-6.18, regions { ram { pages = 1, memory = shmem-private, zeros = [0] } }, " + Silent
            + "register.ram = [missing, minor], push = on } }, threads { t = [\"read ram 0\"] }")]
    public void A_push_takes_a_private_page_for_what_it_is(string scenario) => IsClean(scenario);

    // Nobody is told of the hole, and nobody may ever touch it.
    [Theory]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem, alias = on } }, " + Silent
            + "register.ram = [minor], push = on } }, threads { t = [\"remove ram 0 1\"] }")]
    [InlineData(
        "kernel = linux-7.1, regions { ram { pages = 2, memory = guest-memfd, alias = on } }, " + Uffd
            + "register.ram = [missing, minor], push = on } }, threads { t = [\"punch ram 0 2\"], u = [\"write ram 1\", \"read ram 1\"] }")]
    public void A_push_through_an_alias_comes_to_its_end_where_a_hole_is_punched(string scenario) => IsClean(scenario);

    // The call keeps the context open while it goes on; or its pages would be registered with what is closed, and whoever touches them went
    // round for ever.
    [Fact]
    public void Who_registers_while_the_context_is_closed_leaves_nothing_registered() => IsClean(
        "must-finish = off, kernel = linux-6.18, regions { ram { pages = 1, memory = shmem, zeros = [0] }, room { pages = 1, memory = "
        + "nothing } }, contexts { uffd { features = [event-remap], register.ram = [missing, minor] } }, "
        + "threads { a = [\"register uffd ram 0 1\", \"register uffd ram 0 1\", \"read ram 0\", \"read room 0\"], b = [\"unregister uffd "
        + "ram 0 1\", \"close uffd\"], c = [\"register uffd ram 0 1\", \"mremap ram 0 1 room 0\"] }");

    // Oracles and reference, which took these for wrong.
    [Theory]
    [InlineData(
        "regions { ram { pages = 1 }, room { pages = 1, memory = nothing } }, " + Uffd
            + "register.ram = [missing] } }, threads { t = [\"copy-from uffd ram 0 1 room 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, zeros = [0] } }, " + Uffd
            + "register.ram = [missing] } }, setup = [\"copy uffd ram 0 1\"], threads { t = [\"read ram 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = guest-memfd, alias = on }, room { pages = 1, memory = nothing } }, " + Uffd
            + "register.ram = [minor], push = on } }, threads { t = [\"mremap ram 0 1 room 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = guest-memfd, alias = on } }, " + Uffd
            + "register.ram = [minor] } }, threads { t = [\"read ram 0\"], u = [\"continue uffd ram 0 1\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem, alias = on } }, " + Uffd
            + "register.ram = [wp, minor], source-actor = on } }, threads { t = [\"read ram 0\", \"protect uffd ram 0 1\"], u = "
            + "[\"continue uffd ram 0 1\"] }")]
    [InlineData(
        "regions { ram { pages = 2, memory = shmem, alias = on } }, " + Silent
            + "register.ram = [missing, minor] } }, threads { t = [\"remove ram 0 2\", \"read ram 1\"], u = [\"read ram 1\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem, alias = on } }, " + Uffd
            + "register.ram = [minor] } }, threads { t = [\"read ram 0\"], u = [\"punch ram 0 1\"], v = [\"read ram 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem, alias = on } }, " + Silent
            + "register.ram = [missing, minor], push = on } }, threads { t = [\"unregister uffd ram 0 1\", \"read ram 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem, alias = on } }, " + Uffd
            + "register.ram = [missing, minor] } }, threads { t = [\"close uffd\"], u = [\"read ram 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem, alias = on } }, " + Silent
            + "register.ram = [missing], push = on } }, threads { t = [\"remove ram 0 1\"] }")]
    [InlineData(
        "regions { ram { pages = 1 } }, " + Uffd
            + "register.ram = [missing] } }, threads { t = [\"copy-from uffd ram 0 1 ram 0\"] }, faults = [vma.crash]")]
    [InlineData(
        "regions { ram { pages = 2 } }, " + Silent
            + "register.ram = [missing] } }, threads { t = [\"write ram 0\", \"dontneed ram 0 2\", \"read ram 0\"], "
            + "u = [\"read ram 1\"] }")]
    [InlineData("regions { ram { pages = 2 } }, " + Uffd + "register.ram = [wp], push = on } }, threads { t = [\"read ram 0\"] }")]
    [InlineData(
        "kernel = linux-6.18, regions { ram { pages = 1, memory = shmem, alias = on }, room { pages = 1, memory = nothing } }, " + Uffd
            + "register.ram = [minor], push = on } }, threads { a = [\"mremap ram 0 1 room 0\"], b = [\"read room 0\"], c = [\"read ram "
            + "0\", \"unregister uffd room 0 1\"] }")]
    [InlineData(
        "regions { ram { pages = 2 } }, " + Uffd
            + "register.ram = [missing] } }, threads { t = [\"read ram 1\", \"mremap ram 0 1 ram 1\"] }")]
    [InlineData(
        "kernel = linux-7.1, regions { ram { pages = 1, memory = guest-memfd } }, " + Uffd
            + "register.ram = [missing] } }, threads { t = [\"read ram 0\"] }, faults = [module.enomem]")]
    public void What_a_kernel_does_just_the_same_is_no_violation(string scenario) => IsClean(scenario);

    [Theory]
    [InlineData(Uffd + "register.ram = [missing] } }, threads { t = [\"drain uffd\"] }", "drain is for a context with handlers = 0")]
    [InlineData(
        Uffd + "register.ram = [missing] } }, threads { t = [\"register uffd ram 0 1\"] }", "register is for a context with handlers = 0")]
    [InlineData(Uffd + "register.own = [minor] } }, threads { t = [\"read own 0\"] }", "CONTINUE is refused there with EINVAL")]
    public void What_works_behind_the_back_of_handlers_is_refused_with_the_reason(string scenario, string reason)
    {
        ScenarioException refused = Assert.Throws<ScenarioException>(
            () => ScenarioText.Parse(
                "refused", "kernel = seed, regions { ram { pages = 1 }, own { pages = 1, memory = shmem-private } }, " + scenario));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    private static void IsClean(string text)
    {
        using Explorer explorer = new();
        ScenarioReport report = new Campaign(explorer, new CampaignOptions { Schedules = 800 }).Explore(ScenarioText.Parse("found", text));
        Assert.True(report.Finding is null, report.Finding?.Violation.Sentence);
        Assert.Equal(800, report.Schedules);
    }
}
