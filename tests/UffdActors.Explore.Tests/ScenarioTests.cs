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
    [InlineData("version = 1\nregions { ram { pages = 1, memory = tape } }\nthreads { main = [\"read ram 0\"] }", "memory = tape: there are anonymous")]
    [InlineData("version = 1\nregions { ram { pages = 1 } }\nthreads { main = [\"read ram 0\"] }\nfaults = [\"meteor\"]", "there is no fault point \"meteor\"")]
    public void What_means_nothing_is_refused_with_the_reason(string text, string reason)
    {
        ScenarioException refused = Assert.Throws<ScenarioException>(() => ScenarioText.Parse("test", text));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.StartsWith("Scenario test", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_scenario_of_a_seed_is_the_same_every_time()
    {
        for (ulong seed = 0; seed < 50; seed++)
            Assert.Equal(ScenarioText.Format(RandomProgram.OfSeed(seed)), ScenarioText.Format(RandomProgram.OfSeed(seed)));
    }
}
