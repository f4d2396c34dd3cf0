using System.Text.Json;
using UffdActors.Cli.Hosting;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Cli.Tests;

/// <summary><c>uffd bench faults --world live</c>.</summary>
public sealed class LiveBenchTests
{
    private static readonly string[] Small = ["bench", "faults", "--world", "live", "--vcpus", "1,2", "--pages", "512", "--repeats", "1"];

    [SkippableFact]
    public async Task It_prints_both_loops_for_each_number_of_vcpus_the_placement_and_the_curve()
    {
        ThisKernel.Require();
        CommandRun run = await CommandRun.Of([.. Small, "--backend", "shmem", "--mode", "minor"]);
        run.EndsWith(ExitCode.Done);
        Assert.Contains("real page faults: shmem, minor, 512 pages", run.Output, StringComparison.Ordinal);
        Assert.Contains("placement same: loops on CPU", run.Output, StringComparison.Ordinal);
        Assert.Equal(2, run.Output.Split('\n').Count(l => l.Contains("direct", StringComparison.Ordinal)));
        Assert.Contains("ring, 1 vCPUs: overall demand paging rate", run.Output, StringComparison.Ordinal);
        Assert.Contains("ring, 2 vCPUs: overall demand paging rate", run.Output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task The_same_is_written_as_json()
    {
        ThisKernel.Require();
        CommandRun run = await CommandRun.Of([.. Small, "--json", "-"]);
        run.EndsWith(ExitCode.Done);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal("uffd-bench-faults-live", json.RootElement.GetProperty("kind").GetString());
        Assert.Equal([1, 2], json.RootElement.GetProperty("rows").EnumerateArray().Select(r => r.GetProperty("vcpus").GetInt32()));
    }

    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public async Task Events_are_told_with_the_rates_of_the_first_and_last_tenth_and_faults_by_number_of_regions(string world)
    {
        if (world == "live") ThisKernel.Require();
        CommandRun run =
            await CommandRun.Of(["bench", "events", "--world", world, "--events", "100", "--regions", "1,7", "--repeats", "1"]);
        run.EndsWith(ExitCode.Done);
        Assert.Contains($"{world}: 100 REMOVE events of single pages, 1 repeats", run.Output, StringComparison.Ordinal);
        Assert.Contains("bytes an event", run.Output, StringComparison.Ordinal);
        // The column of the number alone: on a slow machine a rate may begin with the same digit.
        Assert.Equal(2, run.Output.Split('\n').Count(l => System.Text.RegularExpressions.Regex.IsMatch(l, "^ +[17]  ")));
    }

    [Fact]
    public async Task More_vms_than_cpus_are_refused_for_the_machines_sake()
    {
        CommandRun run = await CommandRun.Of([.. Small, "--vms", "9999"]);
        run.EndsWith(ExitCode.Unsupported);
        Assert.Contains("9999 VMs with a CPU each need 9999 CPUs", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_push_is_measured_with_threads_only()
    {
        CommandRun run = await CommandRun.Of("bench", "faults", "--world", "live", "--push", "--vcpu", "kvm");
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains("leave it out, or --vcpu kvm", run.Error, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task With_push_it_prints_the_rates_and_the_waits_and_writes_them()
    {
        ThisKernel.Require();
        CommandRun run = await CommandRun.Of(
            "bench", "faults", "--world", "live", "--push", "--vcpus", "2", "--pages", "32768", "--chunk-pages", "32", "--repeats", "1",
            "--json", "-");
        run.EndsWith(ExitCode.Done);
        Assert.Contains("2 vCPUs and a push: repeat 1 of 1", run.Error, StringComparison.Ordinal);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal("uffd-bench-push-live", json.RootElement.GetProperty("kind").GetString());
        Assert.Equal(32, json.RootElement.GetProperty("chunkPages").GetInt32());
        Assert.True(json.RootElement.GetProperty("rows")[0].GetProperty("pushPagesPerSecond").GetProperty("median").GetDouble() > 0);
    }

    [Theory]
    [InlineData("--content", "bytes")]
    [InlineData("--dispatcher", "parallel")]
    [InlineData("--vms", "0")]
    [InlineData("--chunk-pages", "8")]
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
        run.EndsWith(ExitCode.BadInput);
        string line = Assert.Single(
            run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), l => l.StartsWith("uffd:", StringComparison.Ordinal));
        Assert.Contains(value, line, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }
}
