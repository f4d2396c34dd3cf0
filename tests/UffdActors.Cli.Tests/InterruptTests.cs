using System.Diagnostics;
using UffdActors.Cli.Hosting;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Cli.Tests;

/// <summary>A signal to the real process.</summary>
public sealed class InterruptTests : IDisposable
{
    // What takes as long as this hangs, on the slowest machine too.
    private static readonly TimeSpan Hang = TimeSpan.FromMinutes(5);

    // Has successors: each executes some programs.
    private const string ProgramServer = "program-server";

    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Theory]
    [InlineData("INT", "fault-loop")]
    [InlineData("TERM", "parallel")]
    [InlineData("INT", "stepped")]
    public async Task A_signal_ends_the_run_in_order_with_one_line_and_nothing_half_written(string signal, string dispatcher)
    {
        using CancellationTokenSource hang = new(Hang);
        // A shell that runs the tests in the background makes its children ignore SIGINT; a user's shell does not.
        ProcessStartInfo start = new("env")
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        foreach (string argument in new[]
        {
            "--default-signal=INT", Path.Combine(AppContext.BaseDirectory, "uffd"),
            "postcopy", "--memory", "8M", "--accesses", "1000000000000", "--dispatcher", dispatcher, "--json", _place.Path("run.json"),
        })
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        try
        {
            // It tells every second how far it is: then the guest runs.
            string? line = await process.StandardError.ReadLineAsync(hang.Token);
            Assert.StartsWith("migrating", line, StringComparison.Ordinal);
            using Process kill =
                Process.Start("kill", ["-" + signal, process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await process.WaitForExitAsync(hang.Token);

            string[] rest = (await process.StandardError.ReadToEndAsync(hang.Token)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(
                "uffd: interrupted; nothing was verified.", Assert.Single(rest, l => !l.StartsWith("migrating", StringComparison.Ordinal)));
            Assert.Equal(signal == "INT" ? 130 : 143, process.ExitCode);
            Assert.Empty(await process.StandardOutput.ReadToEndAsync(hang.Token));
            Assert.Empty(_place.Files);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    /// <summary>Each command that can take long, with work for hours.</summary>
    public static TheoryData<string, string, bool> LongCommands
    {
        get
        {
            TheoryData<string, string, bool> commands = [];
            foreach ((string command, bool isLive) in new[]
            {
                ("postcopy --world live --memory 8M --accesses 1000000000000", true),
                ("conform --seeds 1000000", false),
                ("conform --live --programs 1000000 --steps 100000", true),
                ("record --count 1000000 --steps 100000 --out", true),
                ("stress --duration 8h", false),
                ("stress --world live --duration 8h", true),
                ("explore --schedules 1000000000", false),
                ("bench faults --pages 1000000 --repeats 100000", false),
                ("bench faults --world live --push --repeats 100000", true),
                ("bench events --events 10000000", false),
            })
            {
                // One after the other by turns; each command with both with UFFD_LONG only.
                string[] turns = commands.Count % 2 == 0 ? ["INT"] : ["TERM"];
                foreach (string signal in Environment.GetEnvironmentVariable("UFFD_LONG") is null ? turns : ["INT", "TERM"])
                    commands.Add(command, signal, isLive);
            }

            return commands;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(LongCommands))]
    public async Task A_signal_ends_every_command_with_a_code_that_tells_which(string command, string signal, bool isLive)
    {
        if (isLive) ThisKernel.Require();
        using CancellationTokenSource hang = new(Hang);
        // The document's place, or the folder of the traces, is made when the work begins.
        string[] last = command.EndsWith("--out", StringComparison.Ordinal) ? [_place.Path("traces")] : ["--json", _place.Path("run.json")];
        ProcessStartInfo start = new("env") { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (string argument in (string[])[
            "--default-signal=INT", Path.Combine(AppContext.BaseDirectory, "uffd"), .. command.Split(' '), .. last])
            start.ArgumentList.Add(argument);
        start.Environment["TMPDIR"] = _place.Temporary;
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> error = process.StandardError.ReadToEndAsync(hang.Token);
            Task<string> output = process.StandardOutput.ReadToEndAsync(hang.Token);
            while (!HasBegun())
            {
                Assert.False(process.HasExited, "It has ended by itself.");
                hang.Token.ThrowIfCancellationRequested();
                await Task.Yield();
            }

            using Process kill =
                Process.Start("kill", ["-" + signal, process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await process.WaitForExitAsync(hang.Token);

            Assert.Equal(signal == "INT" ? 130 : 143, process.ExitCode);
            Assert.Contains("interrupted", await error, StringComparison.Ordinal);
            _ = await output;
            Assert.DoesNotContain(_place.Files, f => f.EndsWith(".partial", StringComparison.Ordinal));
            Assert.Empty(Directory.GetFileSystemEntries(_place.Temporary));
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }

        bool HasBegun() => _place.Files.Length > 0 || Directory.Exists(_place.Path("traces"));
    }

    [Theory]
    [InlineData("conform")]
    [InlineData("backends")]
    [InlineData("postcopy")]
    public async Task A_module_whose_constructor_never_returns_does_not_keep_a_command_from_its_end(string command)
    {
        using CancellationTokenSource hang = new(Hang);
        string here = typeof(FaultyModule).Assembly.Location;
        string mark = _place.Path("blocks");
        string config = _place.Write(
            "uffd.conf",
            $"uffd.modules = [\"UffdActors.Cli.Tests.FaultyModule, {here}\"]\nuffd.module.faulty {{ at = \"constructor\", how = "
                + $"\"block\", mark = \"{mark}\" }}\n");
        string[] arguments = command == "conform"
            ? ["conform", "--module", here, "--type", typeof(FaultyModule).FullName!, "--set", "faulty.at=constructor", "--set",
                "faulty.how=block", "--set", $"faulty.mark={mark}"]
            : [command, "--config", config];
        ProcessStartInfo start = new(
            "env", ["--default-signal=INT", Path.Combine(AppContext.BaseDirectory, "uffd"), .. arguments])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["TMPDIR"] = _place.Temporary;
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> error = process.StandardError.ReadToEndAsync(hang.Token);
            while (!File.Exists(mark))
            {
                if (process.HasExited) Assert.Fail($"It has ended by itself: {await error}");
                hang.Token.ThrowIfCancellationRequested();
                await Task.Yield();
            }

            await SignalAsync("INT", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
            await process.WaitForExitAsync(hang.Token);
            Assert.Equal(130, process.ExitCode);
            Assert.Equal("uffd: interrupted; nothing was verified.", (await error).TrimEnd());
            Assert.Empty(Directory.GetFileSystemEntries(_place.Temporary));
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    /// <summary>The main thread has a small stack then, and all others would have.</summary>
    [SkippableTheory]
    [InlineData("postcopy --memory 1M --accesses 500", false)]
    [InlineData("postcopy --world live --memory 1M --accesses 500", true)]
    [InlineData("explore --scenario tiny-fault --schedules 10", false)]
    [InlineData("conform --live --programs 1 --steps 10", true)]
    public async Task A_small_stack_keeps_nothing_from_its_end(string command, bool isLive)
    {
        if (isLive) ThisKernel.Require();
        using CancellationTokenSource hang = new(Hang);
        string program = Path.Combine(AppContext.BaseDirectory, "uffd");
        ProcessStartInfo start =
            new("sh", ["-c", $"ulimit -s 64; exec '{program}' {command}"]) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> error = process.StandardError.ReadToEndAsync(hang.Token);
            _ = await process.StandardOutput.ReadToEndAsync(hang.Token);
            await process.WaitForExitAsync(hang.Token);
            Assert.True(process.ExitCode == ExitCode.Done, await error);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    /// <summary>Of a /proc of another PID namespace nothing can be read about a child.</summary>
    [SkippableTheory]
    [InlineData("conform --live --programs 1 --steps 10")]
    [InlineData("record --count 1 --steps 10 --out")]
    public async Task A_foreign_PID_namespace_is_told_and_not_waited_for(string command)
    {
        ThisKernel.Require();
        Skip.IfNot(Environment.UserName == "root" && File.Exists("/usr/bin/unshare"), "Only root can make a PID namespace.");
        using CancellationTokenSource hang = new(Hang);
        string[] last = command.EndsWith("--out", StringComparison.Ordinal) ? [_place.Path("traces")] : [];
        ProcessStartInfo start = new(
            "/usr/bin/unshare",
            ["--pid", "--fork", "--kill-child", Path.Combine(AppContext.BaseDirectory, "uffd"), .. command.Split(' '), .. last])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> error = process.StandardError.ReadToEndAsync(hang.Token);
            _ = await process.StandardOutput.ReadToEndAsync(hang.Token);
            await process.WaitForExitAsync(hang.Token);
            Assert.Equal(ExitCode.Unsupported, process.ExitCode);
            Assert.Contains("/proc", Assert.Single((await error).TrimEnd().Split('\n')), StringComparison.Ordinal);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    [SkippableTheory]
    [InlineData("STOP", "stopped (SIGSTOP)")]
    [InlineData("TERM", "SIGTERM")]
    [InlineData("KILL", "SIGKILL")]
    public async Task A_program_server_that_is_ended_or_stopped_from_outside_ends_the_recording_with_one_line(string signal, string says)
    {
        ThisKernel.Require();
        (int code, string error) =
            await WithChildAsync(signal, ProgramServer, "record", "--count", "1000000", "--steps", "60", "--out", _place.Path("traces"));
        Assert.Equal(ExitCode.Failed, code);
        string line =
            Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries), l => l.StartsWith("uffd:", StringComparison.Ordinal));
        Assert.Contains("process that executes programs", line, StringComparison.Ordinal);
        Assert.Contains(says, line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("STOP", "has been stopped (SIGSTOP)")]
    [InlineData("TERM", "has ended by SIGTERM")]
    [InlineData("KILL", "has ended by SIGKILL")]
    public async Task A_worker_that_is_ended_or_stopped_from_outside_ends_the_measurement_with_one_line(string signal, string says)
    {
        (int code,
            string error) = await WithChildAsync(
                signal, "worker", "bench", "faults", "--processes", "2", "--vcpus", "1", "--pages", "20000", "--repeats", "100000");
        Assert.Equal(ExitCode.Failed, code);
        string line = Assert.Single(
            error.Split('\n', StringSplitOptions.RemoveEmptyEntries), l => l.StartsWith("uffd: Worker process", StringComparison.Ordinal));
        Assert.Contains(says, line, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("KILL", "has ended with 137")]
    [InlineData("STOP", "has been stopped (SIGSTOP)")]
    public async Task A_watchdog_that_is_lost_in_the_middle_of_a_migration_is_told_and_the_run_goes_on(string signal, string says)
    {
        ThisKernel.Require();
        using CancellationTokenSource hang = new(Hang);
        string[] command = ["postcopy", "--world", "live", "--memory", "8M", "--accesses", "1000000000000", "--watchdog", "60"];
        ProcessStartInfo start =
            new(Path.Combine(AppContext.BaseDirectory, "uffd"), command) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        try
        {
            Assert.StartsWith("migrating", await process.StandardError.ReadLineAsync(hang.Token), StringComparison.Ordinal);
            string watchdog = await ChildAsync(process, "UffdActors.Watchdog", hang.Token);
            await SignalAsync(signal, watchdog);

            string line;
            do line = await process.StandardError.ReadLineAsync(hang.Token)
                ?? throw new InvalidOperationException("It has ended by itself.");
            while (line.StartsWith("migrating", StringComparison.Ordinal));
            Assert.Equal(
                $"uffd: The watchdog (process {watchdog}) {says}: the run goes on unwatched, and a freeze of this process is not noticed.",
                line);
            // It goes on: it tells how far it is.
            Assert.StartsWith("migrating", await process.StandardError.ReadLineAsync(hang.Token), StringComparison.Ordinal);
            await SignalAsync("TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
            await process.WaitForExitAsync(hang.Token);
            Assert.Equal(143, process.ExitCode);
            while (IsThere(watchdog))
            {
                Assert.False(hang.IsCancellationRequested, "the watchdog was left behind.");
                await Task.Yield();
            }
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    /// <summary>One that is killed can remove nothing: its ends do, which its folder is for.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_two_ends_of_a_demo_that_is_killed_end_with_it_and_leave_nothing(bool isMoved)
    {
        using CancellationTokenSource hang = new(Hang);
        string[] command =
        [
            "migrate", "demo", "--send=--memory=8M", "--send=--accesses=1000000000000", "--send=--switch-after=1000",
        ];
        ProcessStartInfo start =
            new(Path.Combine(AppContext.BaseDirectory, "uffd"), command) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["TMPDIR"] = _place.Temporary;
        // The runtime's own socket would be left.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        using Process process = Process.Start(start)!;
        try
        {
            string[] ends = [await ChildAsync(process, "receive", hang.Token), await ChildAsync(process, "send", hang.Token)];
            while (isMoved && await process.StandardError.ReadLineAsync(hang.Token) != "receive: the guest runs here")
                Assert.False(process.HasExited, "It has ended by itself.");
            Assert.NotEmpty(Directory.GetFileSystemEntries(_place.Temporary));
            process.Kill();
            while (ends.Any(IsThere))
            {
                Assert.False(hang.IsCancellationRequested, "an end was left behind.");
                await Task.Yield();
            }

            Assert.Empty(Directory.GetFileSystemEntries(_place.Temporary));
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    /// <summary>That the other end is killed then is no way in which the command ends.</summary>
    [Theory]
    [InlineData("send")]
    [InlineData("receive")]
    public async Task An_end_of_a_demo_that_is_told_to_end_ends_the_demo_as_that(string end)
    {
        (int code, string error) = await WithChildAsync(
            "TERM", end, "migrate", "demo", "--send=--memory=8M", "--send=--accesses=1000000000000", "--send=--switch-after=1000");
        Assert.True(code == ExitCode.Terminated, $"{code}: {error}");
    }

    [Fact]
    public async Task An_end_of_a_demo_that_is_stopped_is_told_of_and_so_is_that_it_goes_on()
    {
        using CancellationTokenSource hang = new(Hang);
        string[] command =
        [
            "migrate", "demo", "--send=--memory=8M", "--send=--accesses=1000000000000", "--send=--switch-after=1000",
        ];
        ProcessStartInfo start =
            new(Path.Combine(AppContext.BaseDirectory, "uffd"), command) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["TMPDIR"] = _place.Temporary;
        using Process process = Process.Start(start)!;
        try
        {
            string end = await ChildAsync(process, "receive", hang.Token);
            await SayAsync("receive: the guest runs here");
            await SignalAsync("STOP", end);
            await SayAsync($"receive: process {end} has been stopped (SIGSTOP); the other end waits for it (kill -CONT {end})");
            await SignalAsync("CONT", end);
            await SayAsync("receive: the process goes on");
            await SignalAsync("TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
            await process.WaitForExitAsync(hang.Token);
            Assert.Equal(ExitCode.Terminated, process.ExitCode);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }

        async Task SayAsync(string line)
        {
            while (await process.StandardError.ReadLineAsync(hang.Token) is var said && said != line) Assert.NotNull(said);
        }
    }

    // Who has ended is there until somebody has asked how; by then that is the first process's business.
    private static bool IsThere(string process)
    {
        try
        {
            return !File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Sends a signal to a child of a command, and waits for the command's end.</summary>
    private static async Task<(int Code, string Error)> WithChildAsync(string signal, string name, params string[] command)
    {
        using CancellationTokenSource hang = new(Hang);
        ProcessStartInfo start =
            new(Path.Combine(AppContext.BaseDirectory, "uffd"), command) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> error = process.StandardError.ReadToEndAsync(hang.Token);
            Task<string> output = process.StandardOutput.ReadToEndAsync(hang.Token);
            string child = await ChildAsync(process, name, hang.Token);
            await SignalAsync(signal, child);
            // One that has given its last answer by then is not missed, and another takes its place.
            while (name == ProgramServer && !process.HasExited)
            {
                hang.Token.ThrowIfCancellationRequested();
                await Task.Yield();
                if (IsThere(child) || ChildOf(process.Id, name) is not { Length: > 0 } next) continue;
                child = next;
                await SignalAsync(signal, child);
            }

            await process.WaitForExitAsync(hang.Token);
            _ = await output;
            return (process.ExitCode, await error);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    private static async Task SignalAsync(string signal, string process)
    {
        using Process kill = Process.Start("kill", ["-" + signal, process]);
        await kill.WaitForExitAsync();
    }

    // The first child whose command line has this in it.
    private static async Task<string> ChildAsync(Process process, string name, CancellationToken hang)
    {
        string child;
        while ((child = ChildOf(process.Id, name)).Length == 0)
        {
            Assert.False(process.HasExited, "It has ended by itself.");
            hang.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        return child;
    }

    // Whichever thread has made it.
    private static string ChildOf(int process, string name)
    {
        try
        {
            return Directory.GetDirectories($"/proc/{process}/task")
                .SelectMany(t => File.ReadAllText(Path.Combine(t, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
                // Before that it is still a part of the parent, which sleeps until it is a program of its own.
                .FirstOrDefault(child => File.ReadAllText($"/proc/{child}/cmdline").Contains(name, StringComparison.Ordinal), "");
        }
        catch (IOException)
        {
            // A thread has ended meanwhile.
            return "";
        }
    }
}
