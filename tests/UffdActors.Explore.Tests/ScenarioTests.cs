using UffdActors.Explore.Scenarios;

namespace UffdActors.Explore.Tests;

public class ScenarioTests
{
    public static TheoryData<string> Names => [.. NamedScenarios.All.Select(s => s.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_scenario_is_read_back_as_it_was_written(string name)
    {
        string text = ScenarioText.Format(NamedScenarios.Find(name));
        Assert.Equal(text, ScenarioText.Format(ScenarioText.Parse(name, text)));
    }

    [Theory]
    [InlineData("version = 2", "version = 2 is not supported; this program understands version 1")]
    [InlineData("version = 1", "at least one region and one thread")]
    [InlineData("version = 1\nregions { ram { pages = 1 } }\nthreads { main = [\"jump ram 0\"] }", "there is no action \"jump\"")]
    [InlineData("version = 1\nregions { ram { pages = 1 } }\nthreads { main = [\"read rom 0\"] }", "there is no region \"rom\"")]
    [InlineData("version = 1\nregions { ram { pages = 1 } }\nthreads { main = [\"read ram 1\"] }", "region ram has 1 pages")]
    [InlineData(
        "version = 1\nregions { ram { pages = 1, memory = tape } }\nthreads { main = [\"read ram 0\"] }",
        "memory = tape: there are anonymous")]
    [InlineData(
        "version = 1\nregions { ram { pages = 1 } }\nthreads { main = [\"read ram 0\"] }\nfaults = [\"meteor\"]",
        "there is no fault point \"meteor\"")]
    public void What_means_nothing_is_refused_with_the_reason(string text, string reason)
    {
        ScenarioException refused = Assert.Throws<ScenarioException>(() => ScenarioText.Parse("test", text));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.StartsWith("Scenario test", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        "regions { ram { pages = 2 } }, contexts { uffd { features = [event-remove], register { ram = [missing] }, handlers = 1 } }, "
            + "threads { main = [\"read ram 1\"] }")]
    [InlineData(
        "{regions:{ram:{pages:2}},contexts:{uffd:{features:[event-remove],register:{ram:[missing]},handlers:1}},threads:{main:[\"read "
            + "ram 1\"]}}")]
    [InlineData(
        "regions.ram.pages = 2, contexts.uffd { handlers = 1, features = [\"event-remove\"] register.ram = [missing] } threads.main = "
            + "[\"read ram 1\"] # one line")]
    [InlineData(
        "regions.ram { pages = 2 }\ncontexts.uffd.features = [event-remove]\ncontexts.uffd.register.ram = [missing]\n\ncontexts.uffd { "
            + "handlers = 1 }\nthreads { main = [\n  read ram 1 // a word\n] }")]
    public void A_scenario_on_one_line_or_on_many_is_the_same(string text)
    {
        const string Many = "version = 1\nregions {\n  ram { pages = 2 }\n}\ncontexts {\n  uffd {\n    features = [event-remove]\n    "
            + "register.ram = [missing]\n    handlers = 1\n  }\n}\nthreads {\n  main = [\"read ram 1\"]\n}\n";
        Assert.Equal(ScenarioText.Format(ScenarioText.Parse("test", Many)), ScenarioText.Format(ScenarioText.Parse("test", text)));
    }

    [Theory]
    [InlineData("regions {\n  ram { pages = 1 }\n", ":1:", "lacks its '}'")]
    [InlineData("regions { ram { pages = 1 } }\n}", ":2:", "closes nothing")]
    [InlineData("regions { ram { pages = 1 } }\nthreads { main = [\"read ram 0] }", ":2:", "quotation mark")]
    [InlineData(
        "regions { ram { pages = 1 } }\nthreats { main = [\"read ram 0\"] }", ":2:", "there is no key \"threats\"; there are version")]
    [InlineData("regions { ram {\n pages = many } }\nthreads { main = [\"read ram 0\"] }", ":2:", "a number from 1 to 16")]
    [InlineData("regions { ram { pages = 1 } }\nregions = 3\nthreads { main = [\"read ram 0\"] }", ":2:", "set twice, first on line 1")]
    [InlineData("regions { ram { pages = 1 memory = shmem } }", ":1:", "is a comma missing")]
    [InlineData("regions = 3", ":1:", "a block { ... } is needed")]
    [InlineData("regions { ram { pages = 1 } }\nthreads { main = \"read ram 0\" }", ":2:", "a list [ ... ] is needed")]
    [InlineData(
        "regions { ram { pages = 1 } }\nthreads { main = [\"read ram 0\",\n\"read ram 0 0\"] }", ":3:", "nothing is expected after \"0\"")]
    [InlineData("regions { ram { pages = 1 } }\nthreads { main = [\"copy uffd ram 0 1\"] }", ":2:", "there is no context \"uffd\"")]
    [InlineData("regions { ram { pages = 4 } }\nthreads { main = [\"dontneed ram 1 2147483647\"] }", ":2:", "region ram has 4 pages")]
    [InlineData("regions { ram { pages = 1, alias = on } }\nthreads { main = [\"read ram 0\"] }", ":1:", "shmem, guest-memfd or hugetlb")]
    [InlineData(
        "regions { ram { pages = 1, memory = hugetlb }\n small { pages = 1 } }\nthreads { main = [\"read ram 0\"] }", ":2:",
        "pages of one size")]
    [InlineData(
        "regions { ram { pages = 1, memory = hugetlb } }\nmemory-pages = 65\nthreads { main = [\"read ram 0\"] }", ":2:",
        "64 are the most")]
    [InlineData("regions { ram { pages = 1 } }\nsetup = [\"exit\"]\nthreads { main = [\"read ram 0\"] }", ":2:", "only threads do that")]
    [InlineData(
        "regions { ram { pages = 1 } }\ncontexts { uffd {\n features = [event-remov] } }\nthreads { main = [\"read ram 0\"] }", ":3:",
        "there are event-fork")]
    [InlineData("regions { ram { pages = ${n} } }", ":1:", "substitutions")]
    [InlineData("include \"other\"", ":1:", "'=' and a value")]
    [InlineData("regions { ram { pages = } }", ":1:", "has no value")]
    [InlineData("a={a={a={a={a={a={a={a={a={a={a={a={a={a={a={a={a={a={a={", ":1:", "16 deep")]
    [InlineData("", ":1:", "at least one region and one thread")]
    public void A_slip_of_the_pen_is_one_line_with_its_place_and_the_remedy(string text, string place, string remedy)
    {
        ScenarioException refused = Assert.Throws<ScenarioException>(() => ScenarioText.Parse("test", text, "my.conf"));
        Assert.StartsWith($"Scenario my.conf{place}", refused.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Fact]
    public void The_page_about_scenarios_names_every_action_feature_mode_memory_and_fault_point()
    {
        IEnumerable<string> words = Enum.GetValues<ActionKind>().Select(ThreadAction.WordOf)
            .Concat(ScenarioText.FeatureWords.Select(f => f.Word)).Concat(ScenarioText.ModeWords.Select(m => m.Word))
            .Concat(Enum.GetValues<MemoryKind>().Select(ScenarioText.WordOf))
            .Concat(Faults.FaultPoints.All.Select(Faults.FaultPoints.NameOf));
        Assert.All(words, word => Assert.Matches($"`{System.Text.RegularExpressions.Regex.Escape(word)}[` ]", ScenarioGrammar.Text));
    }

    [Fact]
    public void The_scenario_of_a_seed_is_the_same_every_time()
    {
        for (ulong seed = 0; seed < 50; seed++)
            Assert.Equal(ScenarioText.Format(RandomProgram.OfSeed(seed)), ScenarioText.Format(RandomProgram.OfSeed(seed)));
    }
}
