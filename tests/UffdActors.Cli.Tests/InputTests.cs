namespace UffdActors.Cli.Tests;

/// <summary>What is given as a file and is none.</summary>
public sealed class InputTests : IDisposable
{
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Theory]
    [InlineData("postcopy", "--image", "FILE")]
    [InlineData("postcopy", "--memory", "64K", "--trace", "FILE")]
    [InlineData("postcopy", "--memory", "64K", "--config", "FILE")]
    [InlineData("replay", "FILE")]
    [InlineData("bench", "compare", "FILE", "FILE")]
    [InlineData("conform", "--data", "FILE")]
    [InlineData("conform", "--module", "FILE")]
    [InlineData("explore", "--mutants", "FILE")]
    public async Task What_is_no_regular_file_is_one_line_and_exit_code_2(params string[] args)
    {
        string loop = File.CreateSymbolicLink(_place.Path("loop"), "loop").FullName;
        string dangling = File.CreateSymbolicLink(_place.Path("dangling"), "nothing").FullName;
        foreach (string file in new[] { "/dev/zero", "/dev/full", loop, dangling })
        {
            CommandRun run = await CommandRun.Of([.. args.Select(a => a == "FILE" ? file : a)]);
            Assert.True(run.ExitCode == ExitCode.BadInput, $"{file}: {run.ExitCode} {run.Error}");
            Assert.Contains(file, Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Folders_that_are_links_to_themselves_are_no_recordings()
    {
        foreach (string name in new[] { "one", "two", "three" }) _ = Directory.CreateSymbolicLink(_place.Path(name), ".");

        CommandRun run = await CommandRun.Of("conform", "--data", _place.Path("."));

        run.EndsWith(ExitCode.BadInput);
        Assert.Contains("holds no", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("@FILE")]
    [InlineData("[suggest:99999999999]")]
    [InlineData("[diagram]", "doctor")]
    public async Task Files_of_arguments_and_directives_are_arguments_that_there_are_not(params string[] args)
    {
        string file = _place.Write("arguments", "doctor");

        CommandRun run = await CommandRun.Of([.. args.Select(a => a.Replace("FILE", file, StringComparison.Ordinal))]);

        run.EndsWith(ExitCode.BadInput);
        Assert.Contains("there is no such command or option", Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_about_an_error_has_a_length_that_can_be_read_and_no_code_for_the_terminal()
    {
        CommandRun run = await CommandRun.Of(new string('x', 100_000) + "\u001b[2J");

        Assert.InRange(run.Error.Length, 100, 1000);
        Assert.EndsWith("(try: uffd --help)", run.Error.TrimEnd(), StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', run.Error);
    }

    [Theory]
    [InlineData("\"scenario\": null")]
    [InlineData("\"scenario\": [null]")]
    [InlineData("\"choices\": null")]
    [InlineData("\"choices\": [-1]")]
    [InlineData("\"choices\": [null]")]
    [InlineData("\"choices\": [99999999999]")]
    [InlineData("\"name\": null")]
    [InlineData("\"traceHash\": null")]
    [InlineData("\"nonsense\": 1")]
    [InlineData("\"step\": -1")]
    [InlineData("handlers = 1|handlers = 100000")]
    [InlineData("handlers = 1|handlers = -1")]
    [InlineData("memory-pages = 32|memory-pages = -1")]
    [InlineData("memory-pages = 32|memory-pages = 2147483647")]
    [InlineData("pages = 2|pages = -1")]
    [InlineData("pages = 2|pages = 2147483647")]
    [InlineData("read ram 1|read ram 2147483647")]
    [InlineData("\"version = 1\"|\"version = 1\", \"a = ${b}\", \"b = ${a}\"")]
    public async Task A_replay_file_that_makes_no_sense_is_one_line(string change)
    {
        const string Scenario = """
            "version = 1", "memory-pages = 32", "regions { ram { pages = 2, memory = anonymous } }",
            "contexts { uffd { register.ram = [missing], handlers = 1 } }", "threads { a = [\"read ram 1\"] }"
            """;
        string text = $$"""{"version": 1, "name": "n", "policy": "p", "invariant": "i", "sentence": "s", "step": 1, "traceHash": "h", "choices": [], "scenario": [{{Scenario}}]}""";
        Assert.NotEqual(ExitCode.BadInput, (await CommandRun.Of("replay", _place.Write("good.json", text))).ExitCode);
        string[] words = change.Split('|');
        string name = words[0].Split(':')[0];
        string changed = words.Length == 2
            ? text.Replace(words[0], words[1], StringComparison.Ordinal)
            : System.Text.RegularExpressions.Regex.Replace(text, name + ": (\\[.*?\\]|\"[^\"]*\"|\\d+)(?=[,}])", change);
        if (changed == text) changed = text[..^1] + ", " + change + "}";
        Assert.NotEqual(text, changed);

        CommandRun run = await CommandRun.Of("replay", _place.Write("bad.json", changed));

        Assert.True(run.ExitCode == ExitCode.BadInput, $"{changed}: {run.ExitCode} {run.Error} {run.Output}");
        _ = Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.Empty(run.Output);
    }
}
