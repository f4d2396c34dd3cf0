using System.Text.Json;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

public class AskTests
{
    [Fact]
    public async Task The_question_of_the_manual_is_answered_in_one_screen()
    {
        CommandRun run = await CommandRun.Of("ask", "--backend", "shmem", "--state", "wp-marker", "--modes", "MW", "--do", "copy");

        run.EndsWith(ExitCode.Done);
        Assert.True(run.Output.Split('\n').Length < 24);
        Assert.Contains("result     0   out 4096", run.Output, StringComparison.Ordinal);
        Assert.Contains("WP marker -> page of the file with 83", run.Output, StringComparison.Ordinal);
        Assert.Contains("woken, ok:83", run.Output, StringComparison.Ordinal);
        Assert.Contains("(SEMANTICS 5.3.3)", run.Output, StringComparison.Ordinal);
        Assert.Contains("shmem,none+wp,MW,COPY,0,0,4096", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("swapped", "copy", "result     EEXIST", "swap entry with 80 -> swap entry with 80", "A page in swap is a page")]
    [InlineData("swapped", "read", "result     ok:80", "swap entry with 80 -> page of its own with 80", "brought back")]
    [InlineData(
        "swapped+wp", "read", "result     ok:80", "swap entry with 80, write-protected -> page of its own with 80, write-protected",
        "brought back")]
    [InlineData(
        "swapped+wp", "write", "result     MSG:WRITE+WP", "-> page of its own with 80, write-protected",
        "write-protected page is reported")]
    public async Task A_page_in_swap_can_be_asked_about(string state, string operation, string result, string entry, string rule)
    {
        CommandRun run = await CommandRun.Of("ask", "--backend", "anon", "--state", state, "--modes", "MW", "--do", operation);
        run.EndsWith(ExitCode.Done);
        foreach (string part in new[] { result, entry, rule, "no recorded row or trace step shows this" })
            Assert.Contains(part, run.Output, StringComparison.Ordinal);

        CommandRun shared = await CommandRun.Of("ask", "--backend", "shmem", "--state", state, "--modes", "MW", "--do", operation);
        shared.EndsWith(ExitCode.BadInput);
    }

    [Fact]
    public async Task What_nobody_recorded_is_said_to_be_so()
    {
        CommandRun run = await CommandRun.Of(
            "ask", "--backend", "guest-memfd", "--state", "none", "--modes", "M", "--do", "copy", "--profile", "linux-7.1");
        Assert.Contains("no recorded row or trace step shows this", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_question_that_no_row_covers_cites_a_step_of_a_trace()
    {
        string[] question = ["ask", "--backend", "anon", "--state", "none", "--modes", "M", "--do", "wake"];
        CommandRun run = await CommandRun.Of(question);
        Assert.Matches("""recorded   traces/[a-z]+-\d+\.jsonl, step \d+: \{.*"op":"wake".*\} gave 0\n""", run.Output);

        run = await CommandRun.Of([.. question, "--json", "-"]);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        JsonElement recorded = json.RootElement.GetProperty("recorded");
        Assert.Equal(recorded.GetProperty("step").GetInt32() + 2, recorded.GetProperty("line").GetInt32());
        Assert.True(recorded.GetProperty("same").GetBoolean());
    }

    [Fact]
    public async Task A_folder_without_recordings_is_one_line_that_says_so()
    {
        CommandRun run =
            await CommandRun.Of("ask", "--backend", "anon", "--state", "none", "--modes", "M", "--do", "wake", "--data", "/nothing-here");
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains("/nothing-here", run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task A_profile_that_differs_from_the_recorded_kernel_says_so()
    {
        CommandRun run = await CommandRun.Of(
            "ask", "--backend", "shmem", "--state", "beyond-eof", "--modes", "M", "--do", "copy", "--profile", "linux-7.1");
        Assert.Contains("ENOMEM", run.Output, StringComparison.Ordinal);
        Assert.Contains("Linux 6.18 gives another result", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_has_a_version_and_the_same_answer()
    {
        CommandRun run = await CommandRun.Of(
            "ask", "--backend", "anon", "--state", "hole", "--modes", "M", "--do", "write", "--features", "sigbus", "--json", "-");
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal(1, json.RootElement.GetProperty("version").GetInt32());
        Assert.Equal("SIGBUS(code=2)", json.RootElement.GetProperty("answer").GetProperty("result").GetString());
    }

    [Theory]
    [InlineData("missing-shmem,poison", "features MissingShmem, Poison")]
    [InlineData("Sigbus,exact-address", "features Sigbus, ExactAddress")]
    public async Task Every_feature_but_those_of_events_can_be_named(string names, string told)
    {
        string[] question = ["ask", "--backend", "anon", "--state", "none", "--modes", "M", "--do", "write", "--features"];
        CommandRun run = await CommandRun.Of([.. question, names]);
        run.EndsWith(ExitCode.Done);
        Assert.Contains(told, run.Output, StringComparison.Ordinal);

        run = await CommandRun.Of([.. question, "event-fork"]);
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains("wp-hugetlbfs-shmem", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("events", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--backend", "shmm", "shmem-private")]
    [InlineData("--state", "lost", "wp-marker")]
    [InlineData("--modes", "MX", "MWI")]
    [InlineData("--do", "jump", "zeropage")]
    [InlineData("--profile", "linux-5", "linux-7.1")]
    [InlineData("--features", "magic", "wp-async")]
    [InlineData("--state", "zeropage", "it has none")]
    public async Task A_bad_word_is_one_line_with_the_allowed_ones(string option, string value, string named)
    {
        Dictionary<string, string> words = new() { ["--backend"] = "shmem", ["--state"] = "none", ["--modes"] = "M", ["--do"] = "copy" };
        words[option] = value;
        CommandRun run = await CommandRun.Of(["ask", .. words.SelectMany(w => new[] { w.Key, w.Value })]);

        run.EndsWith(ExitCode.BadInput);
        Assert.Empty(run.Output);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.Contains(named, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_kernel_does_not_differ_from_itself()
    {
        CommandRun run = await CommandRun.Of("diff", "seed", "seed");
        run.EndsWith(ExitCode.Done);
        Assert.Contains("seed and seed agree in all", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Diff_of_a_kernel_that_is_not_there_names_those_that_are()
    {
        CommandRun run = await CommandRun.Of("diff", "linux-6.18", "linux-2.6");
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains("linux-7.1", run.Error, StringComparison.Ordinal);
    }
}
