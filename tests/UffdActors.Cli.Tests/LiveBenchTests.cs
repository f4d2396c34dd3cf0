using System.Text.Json;
using UffdActors.Linux.Tests;

namespace UffdActors.Cli.Tests;

/// <summary><c>uffd bench faults --world live</c>.</summary>
public sealed class LiveBenchTests
{
    private static readonly string[] Small = ["bench", "faults", "--world", "live", "--vcpus", "1,2", "--pages", "512", "--repeats", "1"];

    [SkippableFact]
    public async Task It_prints_both_loops_for_each_number_of_vcpus_the_placement_and_the_curve()
    {
        LiveKernel.Require();
        CommandRun run = await CommandRun.Of([.. Small, "--backend", "shmem", "--mode", "minor"]);
        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Contains("real page faults: shmem, minor, 512 pages", run.Output, StringComparison.Ordinal);
        Assert.Contains("placement same: loops on CPU", run.Output, StringComparison.Ordinal);
        Assert.Equal(2, run.Output.Split('\n').Count(l => l.Contains("direct", StringComparison.Ordinal)));
        Assert.Contains("ring, 1 vCPUs: overall demand paging rate", run.Output, StringComparison.Ordinal);
        Assert.Contains("ring, 2 vCPUs: overall demand paging rate", run.Output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task The_same_is_written_as_json()
    {
        LiveKernel.Require();
        CommandRun run = await CommandRun.Of([.. Small, "--json", "-"]);
        Assert.Equal(ExitCode.Done, run.ExitCode);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal("uffd-bench-faults-live", json.RootElement.GetProperty("kind").GetString());
        Assert.Equal([1, 2], json.RootElement.GetProperty("rows").EnumerateArray().Select(r => r.GetProperty("vcpus").GetInt32()));
    }

    [Theory]
    [InlineData("--content", "bytes")]
    [InlineData("--dispatcher", "parallel")]
    [InlineData("--vms", "2")]
    [InlineData("--processes", "2")]
    [InlineData("--cpu", "0")]
    [InlineData("--backend", "paper")]
    [InlineData("--placement", "apart")]
    [InlineData("--mode", "minor")]
    [InlineData("--native", "/nowhere/loop")]
    [InlineData("--vcpus", "0")]
    [InlineData("--pages", "0")]
    [InlineData("--repeats", "0")]
    public async Task Bad_input_is_one_line_that_names_it(string option, string value)
    {
        CommandRun run = await CommandRun.Of("bench", "faults", "--world", "live", option, value);
        Assert.Equal(ExitCode.BadInput, run.ExitCode);
        string line = Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), l => l.StartsWith("uffd:", StringComparison.Ordinal));
        Assert.Contains(value, line, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }
}
