using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

public sealed class ExploreTests : IDisposable
{
    private const string Scenario = "regions { ram { pages = 2 } }, contexts { uffd { register.ram = [missing], handlers = 1 } }, threads "
        + "{ main = [\"read ram 1\"] }\n";

    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public async Task A_scenario_of_ones_own_is_explored()
    {
        CommandRun run =
            await CommandRun.Of("explore", "--scenario", _place.Write("mine.conf", Scenario), "--schedules", "20", "--json", "-");
        Assert.True(run.ExitCode == ExitCode.Done, run.Error);
        Assert.Contains("\"name\": \"mine\"", run.Output, StringComparison.Ordinal);
        Assert.Contains("\"schedules\": 20", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        "regions { ram { pages = 2 } }\nthreads { main = [\"raed ram 1\"] }",
        ":2: \"raed ram 1\": there is no action \"raed\"; there are read")]
    [InlineData(
        "regions { ram { pages = 2 } }\ncontexts { uffd { register.ram = [minor] } }\nthreads { main = [\"read ram 1\"] }",
        "cannot be set up")]
    [InlineData(
        "regions { ram { pages = 2 } }\ncontexts { uffd { register.ram = [missing] } }\nsetup = [\"read ram 1\"]\nthreads { main = "
            + "[\"read ram 1\"] }", "cannot be set up")]
    [InlineData("", "it is empty")]
    public async Task A_scenario_that_means_nothing_is_one_line_and_exit_2(string text, string says)
    {
        CommandRun run = await CommandRun.Of("explore", "--scenario", _place.Write("mine.conf", text), "--schedules", "5");
        Assert.True(run.ExitCode == ExitCode.BadInput, $"{run.ExitCode} {run.Output}");
        string line = Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.Contains(says, line, StringComparison.Ordinal);
        Assert.Contains("mine", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no-such-scenario", "there are close-under-faults")]
    [InlineData("./no-such-file.conf", "there is no such file")]
    [InlineData("/dev/zero", "a regular file")]
    [InlineData("/", "it is a folder")]
    public async Task A_scenario_that_is_not_there_is_one_line_and_exit_2(string name, string says)
    {
        CommandRun run = await CommandRun.Of("explore", "--scenario", name);
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains(says, Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_scenarios_and_the_language_are_listed()
    {
        CommandRun list = await CommandRun.Of("explore", "--list");
        list.EndsWith(ExitCode.Done);
        Assert.Matches("two-contexts +[A-Z]", list.Output);
        CommandRun grammar = await CommandRun.Of("explore", "--grammar");
        grammar.EndsWith(ExitCode.Done);
        Assert.Contains("`mremap REGION PAGE PAGES REGION PAGE`", grammar.Output, StringComparison.Ordinal);
        Assert.Contains("--grammar", (await CommandRun.Of("explore", "--help")).Output, StringComparison.Ordinal);
    }
}
