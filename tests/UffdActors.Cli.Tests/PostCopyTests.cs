using System.Text.Json;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

public sealed class PostCopyTests : IDisposable
{
    private static readonly string[] Small = ["postcopy", "--memory", "1M", "--accesses", "4000"];
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Theory]
    [InlineData("anon", "missing", "fault-loop")]
    [InlineData("shmem", "missing", "parallel")]
    [InlineData("shmem", "minor", "fault-loop")]
    [InlineData("guest-memfd", "minor", "parallel")]
    [InlineData("hugetlb", "missing", "fault-loop")]
    [InlineData("hugetlb", "minor", "parallel")]
    public async Task A_real_file_is_migrated_and_verified(string backend, string mode, string dispatcher)
    {
        string json = _place.Path("run.json");
        CommandRun run = await CommandRun.Of(
            "postcopy", "--image", Workplace.RealFile, "--backend", backend, "--mode", mode, "--dispatcher", dispatcher, "--handlers", "3",
            "--accesses", "20000", "--json", json);

        Assert.True(run.ExitCode == ExitCode.Done, run.Error + run.Output);
        Assert.Contains("verified", run.Output, StringComparison.Ordinal);
        Assert.Equal(["run.json"], _place.Files);
        using JsonDocument document = JsonDocument.Parse(await File.ReadAllTextAsync(json));
        JsonElement root = document.RootElement;
        Assert.Equal(1, root.GetProperty("version").GetInt32());
        Assert.True(root.GetProperty("verified").GetBoolean());
        long pageBytes = backend == "hugetlb" ? 2 << 20 : 4096;
        Assert.Equal(pageBytes, root.GetProperty("run").GetProperty("pageBytes").GetInt64());
        long pages = (new FileInfo(Workplace.RealFile).Length + pageBytes - 1) / pageBytes;
        Assert.Equal(pages, root.GetProperty("checks").GetProperty("pages").GetInt64());
        Assert.Equal(pages, root.GetProperty("pages").EnumerateObject().Sum(p => p.Value.GetInt64()));
        JsonElement checks = root.GetProperty("checks");
        Assert.Equal(checks.GetProperty("sourceSha256").GetString(), checks.GetProperty("destinationSha256").GetString());
    }

    [Theory]
    [InlineData("anon", "missing")]
    [InlineData("shmem", "minor")]
    [InlineData("guest-memfd", "minor")]
    [InlineData("hugetlb", "missing")]
    public async Task On_the_stepped_dispatcher_a_seed_gives_the_same_run_again_and_another_seed_another(string backend, string mode)
    {
        string first = await DocumentAsync("1");

        Assert.Equal(first, await DocumentAsync("1"));
        Assert.NotEqual(first, await DocumentAsync("2"));

        async Task<string> DocumentAsync(string seed)
        {
            CommandRun run = await CommandRun.Of(
                [.. Small, "--dispatcher", "stepped", "--handlers", "2", "--backend", backend, "--mode", mode, "--seed", seed, "--json",
                    "-"]);
            Assert.True(run.ExitCode == ExitCode.Done, run.Error);
            return run.Output;
        }
    }

    [Fact]
    public async Task With_json_on_standard_output_the_report_goes_to_standard_error()
    {
        CommandRun run = await CommandRun.Of([.. Small, "--json", "-"]);

        using JsonDocument document = JsonDocument.Parse(run.Output);
        Assert.Contains("verified", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_report_names_qemus_figures_beside_ours_and_says_what_its_times_are()
    {
        CommandRun run = await CommandRun.Of(Small);

        foreach (string name in new[]
        {
            "total-time", "postcopy-requests", "normal, duplicate", "postcopy-latency", "postcopy-blocktime", "postcopy-vcpu-blocktime",
            "postcopy-latency-dist",
        })
        {
            Assert.Contains(name, run.Output, StringComparison.Ordinal);
        }

        Assert.Contains("no estimate of a migration", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_slowest_fault_is_shown_hop_by_hop()
    {
        CommandRun run = await CommandRun.Of([.. Small, "--show-fault", "slowest"]);

        int slowest = run.Output.IndexOf("slowest: fault", StringComparison.Ordinal);
        Assert.True(slowest > 0);
        foreach (string station in new[] { "raised", "read", "requested", "data", "installed", "woken", "resumed" })
            Assert.True(run.Output.IndexOf(station, slowest, StringComparison.Ordinal) > 0, station);
    }

    [Fact]
    public async Task A_recorded_workload_is_run_as_it_was_recorded()
    {
        string trace = _place.Write("guest.trace", "uffd-workload 1\n0 0 3 w\n5 1 3 r # the same page\n9 1 200 w\n");
        CommandRun run = await CommandRun.Of("postcopy", "--memory", "1M", "--vcpus", "2", "--trace", trace, "--json", "-");

        Assert.True(run.ExitCode == ExitCode.Done, run.Error);
        using JsonDocument document = JsonDocument.Parse(run.Output);
        Assert.Equal([1, 2], document.RootElement.GetProperty("vcpus").EnumerateArray().Select(v => v.GetProperty("accesses").GetInt64()));
        Assert.Equal(2, document.RootElement.GetProperty("checks").GetProperty("writtenLanes").GetInt64());
    }

    [Theory]
    [InlineData("EINVAL", "--backend", "anon", "--mode", "minor")]
    [InlineData("EINVAL", "--backend", "guest-memfd", "--mode", "missing")]
    [InlineData("EINVAL", "--backend", "guest-memfd", "--mode", "minor", "--profile", "linux-6.18")]
    [InlineData("ram-disk", "--backend", "ram-disk")]
    [InlineData("12Q", "--memory", "12Q")]
    [InlineData("--memory -4096", "--memory", "-4096")]
    [InlineData("--memory 0", "--memory", "0")]
    [InlineData("--vcpus 0", "--vcpus", "0")]
    [InlineData("--vcpus 257", "--vcpus", "257")]
    [InlineData("--vcpus four", "--vcpus", "four")]
    [InlineData("--handlers 0", "--handlers", "0")]
    [InlineData("--accesses -1", "--accesses", "-1")]
    [InlineData("--write-ratio 1.5", "--write-ratio", "1.5")]
    [InlineData("--write-ratio NaN", "--write-ratio", "NaN")]
    [InlineData("--seed -1", "--seed", "-1")]
    [InlineData("--workload steady", "--workload", "steady")]
    [InlineData("--mode major", "--mode", "major")]
    [InlineData("--dispatcher pool", "--dispatcher", "pool")]
    [InlineData("--profile 2.4", "--profile", "2.4")]
    [InlineData("--show-fault fastest", "--show-fault", "fastest")]
    [InlineData("there is no such file", "--image", "/nowhere/guest.bin")]
    [InlineData("is a folder", "--image", "/tmp")]
    [InlineData("not a regular file", "--image", "/dev/null")]
    [InlineData("cannot be read", "--trace", "/nowhere/guest.trace")]
    [InlineData("cannot be read", "--trace", "/tmp")]
    [InlineData("there is no such file", "--config", "/nowhere/uffd.conf")]
    [InlineData("it is a folder", "--config", "/tmp")]
    [InlineData("/nowhere/run.json", "--json", "/nowhere/run.json")]
    [InlineData("it is a folder", "--json", "/tmp")]
    [InlineData("cannot be used together", "--image", "/tmp/a", "--memory", "1M")]
    [InlineData("cannot be used together", "--trace", "/tmp/a", "--workload", "zipf")]
    [InlineData("cannot be used together", "--trace", "/tmp/a", "--accesses", "5")]
    public async Task Bad_input_is_one_line_that_says_what_is_wrong(string says, params string[] options)
    {
        CommandRun run = await CommandRun.Of(["postcopy", .. options]);

        run.EndsWith(ExitCode.BadInput);
        Assert.Empty(run.Output);
        string line = Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.StartsWith("uffd: ", line, StringComparison.Ordinal);
        Assert.Contains(says, line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_empty_image_is_refused()
    {
        CommandRun run = await CommandRun.Of("postcopy", "--image", _place.Write("empty", ""));

        run.EndsWith(ExitCode.BadInput);
        Assert.Contains("is empty", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_guest_that_this_machine_cannot_hold_is_refused_before_it_is_made()
    {
        CommandRun run = await CommandRun.Of("postcopy", "--memory", "512T");

        run.EndsWith(ExitCode.Unsupported);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task A_trace_that_is_wrong_is_refused_with_its_line()
    {
        string trace = _place.Write("guest.trace", "uffd-workload 1\n0 0 3 w\n0 9 3 w\n");
        CommandRun run = await CommandRun.Of("postcopy", "--memory", "1M", "--trace", trace, "--json", _place.Path("run.json"));

        run.EndsWith(ExitCode.BadInput);
        Assert.Contains("guest.trace:3: vCPU \"9\"", run.Error, StringComparison.Ordinal);
        Assert.Equal(["guest.trace"], _place.Files);
    }
}
