using System.Text.Json;
using UffdActors.Cli.Commands;
using UffdActors.Cli.Hosting;
using UffdActors.Model;

namespace UffdActors.Cli.Tests;

/// <summary><c>uffd conform</c>.</summary>
public sealed class ConformCommandTests : IDisposable
{
    private const string Header =
        """{"trace":1,"class":"pages","seed":1,"kernel":"6.18.44","page":4096,"hugepage":2097152,"uffd_user":"root" """ +
        """, "fault_around":65536,"arena":["0x100000000000","0x100080000000"],"src":"0x200000000000","hsrc":"0x200040000000"}""";

    private readonly string _folder = Directory.CreateTempSubdirectory("uffd-conform-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Without_a_folder_it_replays_the_projects_own_recordings()
    {
        CommandRun run = await CommandRun.Of("conform", "--filter", "pages-1.", "--seeds", "1");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("pages-1.jsonl", run.Output, StringComparison.Ordinal);
        Assert.Contains("holds", run.Output, StringComparison.Ordinal);
        Assert.Contains("0 mismatches, 0 skipped", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_document_has_its_figures()
    {
        CommandRun run = await CommandRun.Of("conform", "--filter", "events-1.", "--seeds", "1", "--json", "-");
        Assert.Equal(0, run.ExitCode);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal(1, json.RootElement.GetProperty("version").GetInt32());
        Assert.Equal(1, json.RootElement.GetProperty("files").GetInt32());
        Assert.Equal(0, json.RootElement.GetProperty("rows").GetInt32());
        Assert.True(json.RootElement.GetProperty("steps").GetInt32() > 20);
        Assert.True(json.RootElement.GetProperty("fields").GetInt64() > 100);
        Assert.Equal(0, json.RootElement.GetProperty("mismatches").GetInt32());
        Assert.Equal(0, json.RootElement.GetProperty("skipped").GetInt32());
        Assert.True(json.RootElement.GetProperty("seconds").GetDouble() > 0);
        Assert.Equal(3, json.RootElement.GetProperty("ways").GetArrayLength());
    }

    [Fact]
    public async Task A_difference_is_shown_with_step_field_expected_and_came_and_ends_with_1()
    {
        Write("altered.jsonl", Header + "\n"
            + """{"i":0,"op":"mmap","addr":"0x100000002000","len":"0x1000","prot":3,"kind":"anon","ret":0,"q":[] """
            + """, "v":["100000002000-100000003000 rw-p - anon 8"],"files":[]}""" + "\n"
            + """{"i":1,"op":"final","files":[],"pages":[["0x100000002000","4096*0"]]}""" + "\n");
        CommandRun run = await CommandRun.Of("conform", "--data", _folder, "--via", "kernel");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("altered.jsonl: 2 steps, 7 fields: 1 MISMATCHES", run.Output, StringComparison.Ordinal);
        Assert.Contains("step or line 0, via kernel: v", run.Output, StringComparison.Ordinal);
        Assert.Contains("expected  100000002000-100000003000 rw-p - anon 8", run.Output, StringComparison.Ordinal);
        Assert.Contains("came      100000002000-100000003000 rw-p - anon 0", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"trace\":1", "bad.jsonl:1: it is no JSON")]
    [InlineData("{\"trace\":7}", "bad.jsonl:1: trace version 7 is not supported; this program reads version 1")]
    [InlineData(Header + "\n{\"i\":0,\"op\":\"fly\",\"q\":[]}", "bad.jsonl:2: unknown operation \"fly\"")]
    [InlineData(
        Header + "\n{\"i\":0,\"op\":\"poll\",\"u\":0,\"revents\":0,\"q\":[]}",
        "bad.jsonl:2: the trace is cut off: its last line must be the operation \"final\"")]
    [InlineData(
        Header + "\n{\"i\":0,\"op\":\"poll\",\"u\":3,\"revents\":0,\"q\":[]}\n{\"i\":1,\"op\":\"final\",\"files\":[],\"pages\":[]}",
        "bad.jsonl:2: the step cannot be executed: its thread is busy, or what it names is not there")]
    [InlineData(
        Header + "\n{\"i\":0,\"op\":\"madvise\",\"addr\":\"0x0\",\"len\":\"0x0\",\"advice\":\"PLEASE\",\"q\":[]}",
        "bad.jsonl:2: \"advice\" is \"PLEASE\"; it must be DONTNEED or FREE or REMOVE or DONTFORK or DOFORK")]
    public async Task A_bad_trace_is_one_line_and_2(string text, string problem)
    {
        Write("bad.jsonl", text);
        CommandRun run = await CommandRun.Of("conform", "--data", _folder);
        Assert.Equal(2, run.ExitCode);
        Assert.Equal("uffd: " + problem, run.Error.Trim());
        Assert.Equal("", run.Output);
    }

    [Fact]
    public async Task An_empty_folder_a_missing_one_and_options_that_mean_nothing_are_2()
    {
        string missing = Path.Combine(_folder, "missing");
        foreach ((string[] args, string says) in new (string[], string)[]
        {
            (["--data", _folder], "holds no"), (["--data", missing], "missing: there is no such"), (["--via", "luck"], "--via luck"),
            (["--profile", "linux-2.4"], "--profile linux-2.4"), (["--passes", "2"], "--passes 2: must be a number from 3"),
            (["--seeds", "-1"], "--seeds -1"),
            (["--filter", "no such thing"], "no such thing"),
        })
        {
            CommandRun run = await CommandRun.Of(["conform", .. args]);
            Assert.Equal(2, run.ExitCode);
            Assert.Contains(says, run.Error, StringComparison.Ordinal);
            _ = Assert.Single(run.Error.Trim().Split('\n'));
        }
    }

    [Theory]
    [InlineData("--seeds means nothing with --module; leave it out.", "--module", "x.dll", "--seeds", "3")]
    [InlineData("--live means nothing with --module; leave it out.", "--module", "x.dll", "--live")]
    [InlineData("--no-invariants means nothing with --live; leave it out.", "--live", "--no-invariants")]
    [InlineData("--set means nothing with --live; leave it out.", "--live", "--set", "rom.file=x")]
    [InlineData("--programs means nothing where recordings are replayed; leave it out.", "--programs", "3")]
    [InlineData("--type means nothing where recordings are replayed; leave it out.", "--type", "T")]
    public async Task An_option_of_another_way_to_conform_is_refused(string says, params string[] args)
    {
        CommandRun run = await CommandRun.Of(["conform", .. args]);
        Assert.Equal(2, run.ExitCode);
        Assert.Equal("uffd: " + says, run.Error.Trim());
    }

    [Fact]
    public void A_kernel_that_no_model_is_needs_the_model_named_and_is_told_so()
    {
        using StringWriter error = new();
        LiveConform live =
            new(new Terminal(TextWriter.Null, error, isInteractive: false), new System.CommandLine.Command("conform"));

        CommandException refusal = Assert.Throws<CommandException>(() => live.ModelFor("6.12.3-lts", null));
        Assert.Equal(ExitCode.Unsupported, refusal.ExitCode);
        Assert.Contains("(6.12.3-lts)", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("--profile linux-6.18", refusal.Message, StringComparison.Ordinal);
        Assert.Equal("linux-6.18", live.ModelFor("6.18.44-fc", null).Name);
        Assert.Equal("linux-6.18", live.ModelFor("6.18.44-fc", KernelProfile.Linux618).Name);
        Assert.Equal("", error.ToString());
        Assert.Equal("linux-6.18", live.ModelFor("6.12.3", KernelProfile.Linux618).Name);
        Assert.Contains("Linux 6.12.3 is compared with the model of linux-6.18, as asked for", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_for_traces_is_made_before_anything_runs_or_refused()
    {
        Assert.Equal(Path.Combine(_folder, "new", "one"), LiveConform.OutFolder(Path.Combine(_folder, "new", "one")));
        Assert.True(Directory.Exists(Path.Combine(_folder, "new", "one")));

        Write("file", "");
        foreach (string[] command in new string[][] { ["record"], ["conform", "--live"] })
        {
            CommandRun run = await CommandRun.Of([.. command, "--out", Path.Combine(_folder, "file")]);
            run.EndsWith(ExitCode.BadInput);
            Assert.StartsWith(
                $"uffd: --out {Path.Combine(_folder, "file")}: the folder cannot be made", Assert.Single(run.Error.Trim().Split('\n')),
                StringComparison.Ordinal);
        }
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);
}
