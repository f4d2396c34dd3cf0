using System.Reflection;
using UffdActors.Cli.Hosting;
using UffdActors.Model.Inputs;
using UffdActors.Testing;
using UffdActors.Testing.ThisMachine;

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
    [InlineData("postcopy", "--memory", "64K", "--working-set", "FILE")]
    [InlineData("replay", "FILE")]
    [InlineData("serve", "--socket", "/nowhere/socket", "--memory", "FILE")]
    [InlineData("serve", "--socket", "/nowhere/socket", "--memory", "GOOD", "--diff", "FILE")]
    [InlineData("vmm", "restore", "FILE")]
    [InlineData("vmm", "clone", "FILE", "2")]
    [InlineData("vmm", "snapshot", "/nowhere/file", "--parent", "FILE")]
    [InlineData("bench", "compare", "FILE", "FILE")]
    [InlineData("conform", "--data", "FILE")]
    [InlineData("conform", "--module", "FILE")]
    [InlineData("explore", "--mutants", "FILE")]
    [InlineData("explore", "--scenario", "FILE")]
    [InlineData("replay", "GOOD", "--mutants", "FILE")]
    [InlineData("stress", "--rounds", "1", "--config", "FILE")]
    [InlineData("backends", "--config", "FILE")]
    [InlineData("bench", "compare", "GOOD", "FILE")]
    [InlineData(
        "migrate", "receive", "tcp:127.0.0.1:0", "--no-rehearsal", "--tls-cert", "FILE", "--tls-key", "FILE", "--tls-ca", "FILE")]
    public async Task What_is_no_regular_file_is_one_line_and_exit_code_2(params string[] args)
    {
        string loop = File.CreateSymbolicLink(_place.Path("loop"), "loop").FullName;
        string dangling = File.CreateSymbolicLink(_place.Path("dangling"), "nothing").FullName;
        string pipe = _place.Path("pipe");
        using (System.Diagnostics.Process make = System.Diagnostics.Process.Start("mkfifo", [pipe])) await make.WaitForExitAsync();
        string good = _place.Path("good.json");
        if (args.Contains("compare"))
            (await CommandRun.Of("bench", "faults", "--pages", "500", "--repeats", "1", "--vcpus", "1", "--json", good)).EndsWith(
                ExitCode.Done);
        else if (args.Contains("GOOD")) File.Copy(Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Replays"), "*.json")[0], good);
        string folder = Directory.CreateDirectory(_place.Path("folder")).FullName;
        foreach (string file in new[] { "/dev/zero", "/dev/full", "/dev/null", "/dev/tty", "/proc/self/mem", "/proc/version",
            "/proc/self/fd/0", loop, dangling, pipe, folder, pipe + "/x", $"{folder}/\u0001" })
        {
            if (file == folder && args.Contains("--data")) continue;
            CommandRun run = await CommandRun.Of([.. args.Select(a => a == "FILE" ? file : a == "GOOD" ? good : a)])
                .WaitAsync(TimeSpan.FromMinutes(5));
            Assert.True(run.ExitCode == ExitCode.BadInput, $"{file}: {run.ExitCode} {run.Error}");
            Assert.Contains(
                file.Replace("\u0001", "", StringComparison.Ordinal), Assert.Single(run.Error.TrimEnd().Split('\n')),
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_file_that_a_command_line_names_is_tried()
    {
        string[][] rows =
        [
            .. typeof(InputTests).GetMethods().SelectMany(m => m.GetCustomAttributes<InlineDataAttribute>())
                .SelectMany(a => a.GetData(null!))
                .Select(row => row is [string[] words] ? words : [.. row.Select(word => $"{word}")]),
        ];
        string[] tried =
        [
            // Where the file is to be written, and not looked at without KVM.
            "uffd vmm snapshot FILE",
            .. rows.SelectMany(words => words.Zip(words.Skip(1))).Where(pair => pair is { First: ['-', ..], Second: "FILE" })
                .Select(pair => pair.First),
            .. rows.Select(words => $"uffd {string.Join(' ', words.TakeWhile(word => word != "FILE"))} FILE"),
        ];
        Findings.None(
            $"An option or argument that is a FILE has a row in {nameof(InputTests)}: what is no regular file, or cannot be written.",
            CommandPageTests.Leaves().SelectMany(leaf => leaf.Command.Options
                .Where(option => option.HelpName?.StartsWith("FILE", StringComparison.Ordinal) == true).Select(option => option.Name)
                .Concat(leaf.Command.Arguments.Where(a => a.Name == "FILE").Select(_ => $"{leaf.Name} FILE")))
                .Distinct().Except(tried));
    }

    /// <summary>Where something is to be written, and cannot be: found out before the work, with nothing left behind.</summary>
    [Theory]
    [InlineData("postcopy", "--memory", "64K", "--accesses", "10", "--json", "FILE")]
    [InlineData("backends", "--json", "FILE")]
    [InlineData("ask", "--backend", "anon", "--state", "none", "--modes", "M", "--do", "copy", "--json", "FILE")]
    [InlineData("diff", "seed", "linux-7.1", "--json", "FILE")]
    [InlineData("explore", "--scenario", "tiny-fault", "--schedules", "1", "--json", "FILE")]
    [InlineData("designs", "--rounds", "0", "--json", "FILE")]
    [InlineData("bench", "faults", "--pages", "100", "--repeats", "1", "--vcpus", "1", "--json", "FILE")]
    [InlineData("stress", "--rounds", "1", "--json", "FILE")]
    [InlineData("doctor", "--json", "FILE")]
    [InlineData("replay", "GOOD", "--emit", "c", "--out", "FILE")]
    public async Task What_cannot_be_written_is_one_line(params string[] args)
    {
        string loop = File.CreateSymbolicLink(_place.Path("loop"), "loop").FullName;
        string good = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Replays"), "*.json")[0];
        string folder = Directory.CreateDirectory(_place.Path("folder")).FullName;
        foreach (string file in new[] { folder, loop, "/nowhere/run.json", "/proc/run.json", "/dev/full", $"{good}/run.json" })
        {
            CommandRun run = await CommandRun.Of([.. args.Select(a => a == "FILE" ? file : a == "GOOD" ? good : a)])
                .WaitAsync(TimeSpan.FromMinutes(5));
            Assert.True(run.ExitCode is ExitCode.BadInput or ExitCode.Failed, $"{file}: {run.ExitCode} {run.Error}");
            _ = Assert.Single(run.Error.Split('\n'), l => l.StartsWith("uffd:", StringComparison.Ordinal));
            Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
        }
    }

    /// <summary>A file that is renamed to its place would take the place of a pipe, or of /dev/null for the whole machine.</summary>
    [Theory]
    [InlineData("postcopy", "--memory", "64K", "--accesses", "10", "--html", "FILE")]
    [InlineData("postcopy", "--memory", "64K", "--accesses", "10", "--timeline", "FILE")]
    [InlineData("postcopy", "--memory", "64K", "--accesses", "10", "--record-working-set", "FILE")]
    [InlineData("stress", "--rounds", "1", "--html", "FILE")]
    [InlineData("bench", "faults", "--pages", "100", "--repeats", "1", "--vcpus", "1", "--html", "FILE")]
    public async Task What_is_a_pipe_is_not_replaced_by_a_file(params string[] args)
    {
        string pipe = await MakePipeAsync();
        CommandRun run = await CommandRun.Of([.. args.Select(a => a == "FILE" ? pipe : a)]).WaitAsync(TimeSpan.FromMinutes(5));
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains("it is a pipe, not a regular file", Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.Contains("it is a pipe", Assert.Throws<InputFileException>(() => InputFile.Check(pipe)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_document_goes_into_a_pipe_that_somebody_reads()
    {
        string pipe = await MakePipeAsync();
        // Opening it waits for the writer.
        Task<string> reading = Task.Run(() => File.ReadAllText(pipe));
        CommandRun run = await CommandRun.Of("doctor", "--json", pipe).WaitAsync(TimeSpan.FromMinutes(5));
        Assert.True(run.ExitCode is ExitCode.Done or ExitCode.Unsupported, run.Error);
        Assert.StartsWith("{", await reading.WaitAsync(TimeSpan.FromMinutes(5)), StringComparison.Ordinal);
        Assert.Contains("it is a pipe", Assert.Throws<InputFileException>(() => InputFile.Check(pipe)).Message, StringComparison.Ordinal);
    }

    private async Task<string> MakePipeAsync()
    {
        string pipe = _place.Path("pipe");
        using System.Diagnostics.Process make = System.Diagnostics.Process.Start("mkfifo", [pipe]);
        await make.WaitForExitAsync();
        return pipe;
    }

    /// <summary>An image that is cut short at any moment of the run: whatever is verified is a content that the file had.</summary>
    [SkippableTheory]
    [InlineData("model")]
    [InlineData("live")]
    public async Task An_image_that_shrinks_is_never_verified_as_what_it_never_was(string world)
    {
        if (world == "live") ThisKernel.Require();
        const int Full = 8 << 20;
        byte[] bytes = [.. Enumerable.Repeat((byte)7, Full)];
        string[] contents = [HashOf(bytes), HashOf(bytes[..(Full / 2)])];
        string image = _place.Path("image");
        await File.WriteAllBytesAsync(image, bytes);
        using CancellationTokenSource over = new();
        Task cutting = Task.Run(CutAsync);
        for (int round = 0; round < 10; round++)
        {
            CommandRun run = await CommandRun.Of(
                "postcopy", "--image", image, "--world", world, "--accesses", "200", "--write-ratio", "0", "--json", "-");
            if (run.ExitCode == ExitCode.BadInput)
            {
                Assert.Contains(
                    "cannot be read: it", Assert.Single(run.Error.Split('\n'), l => l.StartsWith("uffd:", StringComparison.Ordinal)),
                    StringComparison.Ordinal);
                continue;
            }

            run.EndsWith(ExitCode.Done);
            using System.Text.Json.JsonDocument json = System.Text.Json.JsonDocument.Parse(run.Output);
            Assert.Contains(
                json.RootElement.GetProperty("checks").GetProperty("sourceSha256").GetString()!, contents,
                StringComparer.OrdinalIgnoreCase);
        }

        await over.CancelAsync();
        await cutting;

        // A file that is whole, then cut in half, then another whole one in its place.
        async Task CutAsync()
        {
            string next = _place.Path("next");
            while (!over.IsCancellationRequested)
            {
                await using (FileStream file =
                    new(image, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete)) file.SetLength(Full / 2);
                await File.WriteAllBytesAsync(next, bytes);
                File.Move(next, image, overwrite: true);
            }
        }

        static string HashOf(byte[] content) => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(content));
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
    [InlineData("\"policy\": \"nonsense\"")]
    [InlineData("\"policy\": \"all\"")]
    [InlineData("\"name\": \"LONG\"")]
    [InlineData("\"sentence\": \"LONG\"")]
    [InlineData("\"invariant\": \"a\\u001b[2Jb\"")]
    [InlineData("\"step\": \"one\"")]
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
        string text =
            """{"version": 1, "name": "n", "policy": "fifo", "invariant": "i", "sentence": "s", "step": 1, "traceHash": "h", """
            + "\"choices\": [], "
            + $$""" "scenario": [{{Scenario}}]}""";
        Assert.NotEqual(ExitCode.BadInput, (await CommandRun.Of("replay", _place.Write("good.json", text))).ExitCode);
        change = change.Replace("LONG", new string('x', 100_000), StringComparison.Ordinal);
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
        Assert.DoesNotContain("System.", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("UffdActors.", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("LineNumber", run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    /// <summary>What is said of a document is said in its own terms: fields and lines, not types of this program.</summary>
    [Theory]
    [InlineData("replay", "nonsense", "line 1: it is no JSON")]
    [InlineData("replay", "[]", "the document has a value of the wrong kind")]
    [InlineData("replay", "{\n\"a\": 1}", "line 2: there is no field \"a\"")]
    [InlineData("replay", "{\"name\": \"n\"}", "line 1: it lacks the field 'scenario', 'policy', 'choices'")]
    [InlineData("compare", "{\"kind\": 3}", "its kind is \"\"")]
    [InlineData("compare", "{\"kind\": \"uffd-bench-events\", \"version\": \"x\"}", "its version is no whole number")]
    [InlineData("compare", "{\"kind\": \"uffd-bench-events\", \"a\": 1, \"a\": 2}", "a field is there twice")]
    [InlineData("compare", "{\"kind\": \"uffd-bench-events\", \"a\": {\"median\": \"x\", \"min\": 1, \"max\": 2}}", "is no number")]
    [InlineData("compare", "{\"kind\": \"uffd-bench-events\", \"a\": \"LONG\"}", "a has 100000 characters; 500 are the limit")]
    [InlineData("compare", "{\"kind\": \"uffd-bench-events\", \"a\": \"\\u001b[2J\"}", "a holds a control character")]
    [InlineData("compare", "{\"kind\": \"uffd-bench-faults\", \"version\": 2}", "lacks the field|has version 2")]
    public async Task A_document_that_makes_no_sense_is_told_in_its_own_terms(string command, string text, string says)
    {
        string file = _place.Write("bad.json", text.Replace("LONG", new string('x', 100_000), StringComparison.Ordinal));

        CommandRun run = await CommandRun.Of(command == "replay" ? ["replay", file] : ["bench", "compare", file, file]);

        run.EndsWith(ExitCode.BadInput);
        string line = Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.Contains(says.Split('|'), s => line.Contains(s, StringComparison.Ordinal));
        Assert.DoesNotContain("System.", line, StringComparison.Ordinal);
        Assert.DoesNotContain("UffdActors.", line, StringComparison.Ordinal);
    }
}
