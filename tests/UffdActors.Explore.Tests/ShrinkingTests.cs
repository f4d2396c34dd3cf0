using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Choices;
using UffdActors.Explore.Policies;
using UffdActors.Explore.Runs;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Filling;

namespace UffdActors.Explore.Tests;

/// <summary>What is left of a finding is a finding of the same kind.</summary>
public class ShrinkingTests
{
    /// <summary>
    /// Without handlers a thread waits for the calls of the others, those of the set-up among them: without these it would wait for ever,
    /// and nothing would be wrong.
    /// </summary>
    [Fact]
    public void A_hang_keeps_the_calls_that_are_to_end_it()
    {
        Scenario scenario = ScenarioText.Parse(
            "wrong",
            "kernel = linux-6.18, regions { ram { pages = 2 } }, contexts { uffd { register.ram = [missing], handlers = 0 } }, "
                + "setup = [\"copy uffd ram 1 1\"], "
                + "threads { a = [\"read ram 0\"], b = [\"copy uffd ram 0 1\"], c = [\"write ram 1\"] }");
        using Explorer shipped = new();
        Assert.Null(new Campaign(shipped, new CampaignOptions { Schedules = 200 }).Explore(scenario).Finding);

        using Explorer explorer = new(new Parts());
        Finding found = new Campaign(explorer, new CampaignOptions { Schedules = 200 }).Explore(scenario).Finding!;
        Assert.Equal("finishes", found.Violation.Invariant);
        Scenario shrunk = new RunShrinker(explorer).Shrink(found).Scenario;

        Assert.Equal(scenario.Setup, shrunk.Setup);
        Assert.Equal(["b", "c"], shrunk.Threads.Select(t => t.Name));
    }

    /// <summary>Of the orders that break the same, the one with the fewest steps.</summary>
    [Fact]
    public void Another_order_that_breaks_the_same_sooner_is_taken_and_none_that_breaks_it_later()
    {
        Scenario scenario = ScenarioText.Parse(
            "wrong",
            "kernel = linux-6.18, regions { ram { pages = 4 } }, contexts { uffd { register.ram = [missing] } }, "
                + "threads { a = [\"read ram 0\", \"read ram 1\", \"read ram 2\"], b = [\"copy uffd ram 3 1\"] }");
        using Explorer explorer = new(new Spoiling());
        Finding[] found =
        [
            .. Enumerable.Range(1, 60).Select(seed => Run(explorer, scenario, (ulong)seed)).OfType<Finding>().OrderBy(f => f.Steps),
        ];
        Assert.True(found[0].Steps < found[^1].Steps);

        RunShrinker shrinker = new(explorer);
        Assert.InRange(shrinker.Shorten(found[^1]).Steps, 1, found[0].Steps);
        Assert.InRange(shrinker.Shorten(found[0]).Steps, 1, found[0].Steps);
        Assert.Equal(found[0].Violation.Invariant, shrinker.Shorten(found[^1]).Violation.Invariant);
    }

    private static Finding? Run(Explorer explorer, Scenario scenario, ulong seed)
    {
        PolicyRandom random = new();
        random.Begin(seed);
        RandomOrder policy = new();
        policy.Begin(random, expectedSteps: 0);
        RunResult result = explorer.Run(new RunRequest { Scenario = scenario, Seed = seed, Policy = policy, HasReference = false });
        return result.Violation is not { } violation
            ? null
            : new Finding(scenario, violation, explorer.ChoicesOfLatest(), result.Hash.Text, result.Steps, policy.Name, 1)
            {
                HasReference = false,
            };
    }

    private static FolioStore Folios(Fill fill) => fill.Context.Mm.Machine.BaseFolios;

    private static Entry EntryOf(Fill fill, int page) =>
        fill.Context.Mm.EntryAt(PageSize.PageOf(new RegionLayout(PageSize.BaseShift).AddressOf(0, page)));

    /// <summary>A thread's fill of the first page never ends once the second one was written to.</summary>
    private sealed class Parts : RunParts
    {
        public override Fill NewFill(Caller thread) => new Stuck(thread);
    }

    private sealed class Stuck(Caller thread) : Fill(thread)
    {
        public override void Step()
        {
            if (RegionLayout.PlaceOf(Start).Page != 0 || !IsWritten()) base.Step();
        }

        private bool IsWritten() => EntryOf(this, 1) is { IsPresent: true } entry
            && Folios(this).ReadLane(entry.Folio, 0) is var word && word != 0 && PageContent.PlaceOf(word) is null;
    }

    /// <summary>A thread's fill says that it has filled one byte.</summary>
    private sealed class Spoiling : RunParts
    {
        public override Fill NewFill(Caller thread) => new SpoilingFill(thread);
    }

    private sealed class SpoilingFill(Caller thread) : Fill(thread)
    {
        protected override void OnFilled() => typeof(Fill).GetProperty(nameof(Out))!.SetValue(this, 1L);
    }
}
