using System.Text.Json;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

public sealed class BenchTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("uffd-bench-").FullName;

    [Fact]
    public async Task Faults_prints_a_row_for_each_number_of_vcpus_and_writes_the_same_as_json()
    {
        string file = Path.Combine(_folder, "a.json");
        CommandRun run = await CommandRun.Of("bench", "faults", "--vcpus", "1,2", "--pages", "256", "--repeats", "1", "--json", file);
        run.EndsWith(ExitCode.Done);
        Assert.Contains("empty hop ns", run.Output, StringComparison.Ordinal);
        using JsonDocument json = JsonDocument.Parse(await File.ReadAllTextAsync(file));
        Assert.Equal(2, json.RootElement.GetProperty("version").GetInt32());
        Assert.Equal([1, 2], json.RootElement.GetProperty("rows").EnumerateArray().Select(r => r.GetProperty("vcpus").GetInt32()));
        Assert.Equal([file], Directory.GetFiles(_folder));
    }

    [Fact]
    public async Task Two_processes_are_started_and_measured()
    {
        CommandRun run =
            await CommandRun.Of("bench", "faults", "--vms", "2", "--processes", "2", "--vcpus", "2", "--pages", "256", "--repeats", "1");
        run.EndsWith(ExitCode.Done);
        Assert.Contains("2 processes", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Compare_sets_two_runs_side_by_side()
    {
        string file = Path.Combine(_folder, "a.json");
        CommandRun measured = await CommandRun.Of("bench", "faults", "--vcpus", "1", "--pages", "64", "--repeats", "1", "--json", file);
        measured.EndsWith(ExitCode.Done);
        CommandRun run = await CommandRun.Of("bench", "compare", file, file);
        run.EndsWith(ExitCode.Done);
        Assert.Contains("overlap", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Compare_sets_two_runs_of_another_bench_side_by_side_and_says_what_was_not_the_same()
    {
        string a = Path.Combine(_folder, "a.json"), b = Path.Combine(_folder, "b.json");
        foreach ((string file, string events) in new[] { (a, "40"), (b, "80") })
        {
            CommandRun measured = await CommandRun.Of(
                "bench", "events", "--events", events, "--regions", "1,2", "--repeats", "1", "--json", file);
            measured.EndsWith(ExitCode.Done);
        }

        CommandRun run = await CommandRun.Of("bench", "compare", a, b);

        run.EndsWith(ExitCode.Done);
        Assert.Matches(@"(?m)^ *events +40 +80 +2\.00 +apart", run.Output);
        Assert.Contains("regions regions=2 firstFaultsPerSecond", run.Output, StringComparison.Ordinal);

        using StringWriter narrow = new();
        _ = await new CommandHost(new Terminal(narrow, TextWriter.Null, isInteractive: false, columns: 70))
            .RunAsync(["bench", "compare", a, b]);
        Assert.All(narrow.ToString().Split('\n'), line => Assert.True(line.TrimEnd().Length <= 70, line));
        // Wrapped, and not cut.
        Assert.Equal(4, narrow.ToString().Split("FaultsPerSecond").Length - 1);
    }

    [Theory]
    [InlineData("{\"kind\": \"uffd-bench-events\", \"version\": 1, \"events\": 1}", "compare two runs of one bench")]
    [InlineData("{\"kind\": \"uffd-bench-memory\", \"version\": 2, \"seconds\": 1}", "A has version 1 and B 2")]
    [InlineData("{\"kind\": \"uffd-bench-memory\", \"version\": 1, \"hours\": 1}", "no figure in common")]
    [InlineData("{\"kind\": \"uffd-postcopy\", \"version\": 1}", "is not the JSON of")]
    [InlineData("{\"kind\": \"uffd-bench-memory\", \"a\": {\"median\": 1, \"min\": 2, \"max\": 3}}", "no figure that repeats")]
    public async Task Compare_refuses_what_cannot_be_compared(string other, string says)
    {
        string a = Path.Combine(_folder, "a.json"), b = Path.Combine(_folder, "b.json");
        await File.WriteAllTextAsync(a, "{\"kind\": \"uffd-bench-memory\", \"version\": 1, \"seconds\": 2}");
        await File.WriteAllTextAsync(b, other);

        CommandRun run = await CommandRun.Of("bench", "compare", a, b);

        run.EndsWith(ExitCode.BadInput);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--world", "mars")]
    [InlineData("--backend", "shmem")]
    [InlineData("--placement", "split")]
    [InlineData("--native", "/bin/true")]
    [InlineData("--vcpus", "0")]
    [InlineData("--vcpus", "four")]
    [InlineData("--content", "paper")]
    [InlineData("--mode", "major")]
    [InlineData("--dispatcher", "pool")]
    [InlineData("--pages", "0")]
    [InlineData("--repeats", "0")]
    [InlineData("--vms", "0")]
    [InlineData("--json", "/nowhere/a.json")]
    public async Task Bad_input_is_one_line_that_names_it(string option, string value)
    {
        CommandRun run = await CommandRun.Of("bench", "faults", option, value);
        run.EndsWith(ExitCode.BadInput);
        string line = Assert.Single(
            run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), l => l.StartsWith("uffd:", StringComparison.Ordinal));
        Assert.Contains(value, line, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    [Fact]
    public async Task Compare_refuses_a_file_of_another_version()
    {
        string file = Path.Combine(_folder, "a.json");
        await File.WriteAllTextAsync(file, """{ "kind": "uffd-bench-faults", "version": 7 }""");
        CommandRun run = await CommandRun.Of("bench", "compare", file, file);
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains("version 7", run.Error, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
