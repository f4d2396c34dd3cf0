using System.Text.Json;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

/// <summary><c>uffd stress</c>: verdict, document, exit codes, refusals.</summary>
public sealed class StressTests
{
    private static readonly string[] Small =
        ["stress", "--world", "model", "--pages", "16", "--vcpus", "3", "--visits", "48", "--load", "0", "--gc", "off"];
    private static readonly string[] Short = [.. Small, "--rounds", "2"];

    [Fact]
    public async Task The_document_says_what_ran_what_was_injected_and_what_held()
    {
        CommandRun run = await CommandRun.Of([.. Short, "--json", "-"]);
        run.EndsWith(ExitCode.Done);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        JsonElement root = json.RootElement;
        Assert.Equal("uffd-stress", root.GetProperty("kind").GetString());
        Assert.Equal("pass", root.GetProperty("verdict").GetString());
        Assert.Equal(2, root.GetProperty("rounds").GetInt32());
        Assert.Equal("model", root.GetProperty("run").GetProperty("world").GetString());
        Assert.Equal(0, root.GetProperty("repeats").GetInt64());
        Assert.True(root.GetProperty("injected").GetProperty("pageDrops").GetInt64() >= 0);
        Assert.True(root.GetProperty("run").GetProperty("swap").GetBoolean());
        Assert.True(root.GetProperty("injected").GetProperty("pageOuts").GetInt64() >= 0);
        Assert.Equal(JsonValueKind.Null, root.GetProperty("violation").ValueKind);
        Assert.Contains(
            root.GetProperty("oracles").EnumerateArray(),
            o => o.GetProperty("oracle").GetString() == "counter" && o.GetProperty("checked").GetInt64() > 0);
        Assert.All(root.GetProperty("floors").EnumerateArray(), f => Assert.True(f.GetProperty("isMet").GetBoolean(), f.ToString()));
        Assert.Contains("PASS", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Too_little_exercised_is_no_pass_in_text_document_and_exit_code()
    {
        // Two vCPUs on many pages, which make one visit each.
        CommandRun run = await CommandRun.Of([
            "stress", "--world", "model", "--pages", "4096", "--vcpus", "2", "--visits", "2", "--load", "0", "--gc", "off", "--rounds", "1",
            "--eexist", "0", "--seed", "1", "--json", "-"]);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal("too-little-exercised", json.RootElement.GetProperty("verdict").GetString());
        JsonElement missed =
            Assert.Single(json.RootElement.GetProperty("floors").EnumerateArray(), f => !f.GetProperty("isMet").GetBoolean());
        Assert.Equal(
            ("locks found taken", 1, 0),
            (missed.GetProperty("what").GetString(), missed.GetProperty("least").GetInt32(), missed.GetProperty("met").GetInt32()));
        Assert.Contains("NO VERDICT: too little was exercised (0 locks found taken, at least 1)", run.Error, StringComparison.Ordinal);
        run.EndsWith(ExitCode.Failed);
    }

    [Fact]
    public async Task A_deadline_that_is_missed_is_exit_1_with_the_sentence_and_what_the_round_was_at()
    {
        // It is over before the watchdog looks, whether an access is under way then or nothing has begun to move yet.
        CommandRun run = await CommandRun.Of(
            [.. Small, "--rounds", "100000", "--source-faults", "0.5", "--crashes", "0", "--eexist", "0", "--deadline", "0.001ms"]);
        run.EndsWith(ExitCode.Failed);
        Assert.Contains(run.Error.Split('\n'), line => line.StartsWith("uffd: Liveness: ", StringComparison.Ordinal));
        Assert.Contains("VIOLATED", run.Output, StringComparison.Ordinal);
        Assert.Contains(" handlers, push ", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bug_that_is_put_in_is_found_and_ends_as_every_violation_does()
    {
        CommandRun run = await CommandRun.Of("stress", "--demo-violation", "--duration", "5m", "--load", "0");

        run.EndsWith(ExitCode.Failed);
        Assert.Contains("VIOLATED", run.Output, StringComparison.Ordinal);
        Assert.Contains("VIOLATION: ", run.Output, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^uffd: (ZeroPage|Counter|Lane|FinalBytes): .*page \d+", run.Error);
    }

    [Theory]
    [InlineData("--dispatcher", "stepped", "uffd explore")]
    [InlineData("--mode", "minor", "page cache")]
    [InlineData("--backend", "hugetlb", "4096")]
    [InlineData("--duration", "soon", "8h")]
    [InlineData("--memory", "1M", "--pages")]
    public async Task What_cannot_be_stressed_is_one_line_and_exit_2(string option, string value, string remedy)
    {
        CommandRun run = await CommandRun.Of([.. Short, option, value]);
        run.EndsWith(ExitCode.BadInput);
        string line = Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(remedy, line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_is_stopped_before_it_could_check_anything_says_that_it_was()
    {
        using StringWriter output = new();
        using StringWriter error = new();
        int code = await new CommandHost(new Terminal(output, error, isInteractive: false)).RunAsync(
            Short, new CancellationToken(canceled: true));
        Assert.Equal(ExitCode.Interrupted, code);
        // Behind progress, where the start has taken long.
        Assert.Equal("uffd: interrupted; nothing was verified.", error.ToString().TrimEnd().Split('\n')[^1]);
    }
}
