using System.Diagnostics;

namespace UffdActors.Cli.Tests;

/// <summary>A signal to the real process.</summary>
public sealed class InterruptTests : IDisposable
{
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Theory]
    [InlineData("INT", "fault-loop")]
    [InlineData("TERM", "parallel")]
    [InlineData("INT", "stepped")]
    public async Task A_signal_ends_the_run_in_order_with_one_line_and_nothing_half_written(string signal, string dispatcher)
    {
        using CancellationTokenSource hang = new(TimeSpan.FromMinutes(2));
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
            using Process kill = Process.Start("kill", ["-" + signal, process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await process.WaitForExitAsync(hang.Token);

            string[] rest = (await process.StandardError.ReadToEndAsync(hang.Token)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal("uffd: interrupted; nothing was verified.", Assert.Single(rest, l => !l.StartsWith("migrating", StringComparison.Ordinal)));
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
                foreach (string signal in new[] { "INT", "TERM" }) commands.Add(command, signal, isLive);
            }

            return commands;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(LongCommands))]
    public async Task A_signal_ends_every_command_with_a_code_that_tells_which(string command, string signal, bool isLive)
    {
        if (isLive) UffdActors.Linux.Tests.LiveKernel.Require();
        using CancellationTokenSource hang = new(TimeSpan.FromMinutes(1));
        // The document's place, or the folder of the traces, is made when the work begins.
        string[] last = command.EndsWith("--out", StringComparison.Ordinal) ? [_place.Path("traces")] : ["--json", _place.Path("run.json")];
        ProcessStartInfo start = new("env") { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (string argument in (string[])["--default-signal=INT", Path.Combine(AppContext.BaseDirectory, "uffd"), .. command.Split(' '), .. last]) start.ArgumentList.Add(argument);
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

            using Process kill = Process.Start("kill", ["-" + signal, process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await process.WaitForExitAsync(hang.Token);

            Assert.Equal(signal == "INT" ? 130 : 143, process.ExitCode);
            Assert.Contains("interrupted", await error, StringComparison.Ordinal);
            _ = await output;
            Assert.DoesNotContain(_place.Files, f => f.EndsWith(".partial", StringComparison.Ordinal));
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }

        bool HasBegun() => _place.Files.Length > 0 || Directory.Exists(_place.Path("traces"));
    }

    [SkippableTheory]
    [InlineData("STOP", "stopped (SIGSTOP)")]
    [InlineData("TERM", "SIGTERM")]
    [InlineData("KILL", "SIGKILL")]
    public async Task A_program_server_that_is_ended_or_stopped_from_outside_ends_the_recording_with_one_line(string signal, string says)
    {
        UffdActors.Linux.Tests.LiveKernel.Require();
        (int code, string error) = await WithChildAsync(signal, "record", "--count", "1000000", "--steps", "60", "--out", _place.Path("traces"));
        Assert.Equal(ExitCode.Failed, code);
        string line = Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries), l => l.StartsWith("uffd:", StringComparison.Ordinal));
        Assert.Contains("process that executes programs", line, StringComparison.Ordinal);
        Assert.Contains(says, line, StringComparison.Ordinal);
    }

    /// <summary>Sends a signal to the first child of a command, and waits for the command's end.</summary>
    private static async Task<(int Code, string Error)> WithChildAsync(string signal, params string[] command)
    {
        using CancellationTokenSource hang = new(TimeSpan.FromMinutes(1));
        ProcessStartInfo start = new(Path.Combine(AppContext.BaseDirectory, "uffd"), command) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> error = process.StandardError.ReadToEndAsync(hang.Token);
            Task<string> output = process.StandardOutput.ReadToEndAsync(hang.Token);
            string child;
            while ((child = ChildOf(process.Id)).Length == 0)
            {
                Assert.False(process.HasExited, "It has ended by itself.");
                hang.Token.ThrowIfCancellationRequested();
                await Task.Yield();
            }

            using Process kill = Process.Start("kill", ["-" + signal, child]);
            await process.WaitForExitAsync(hang.Token);
            _ = await output;
            return (process.ExitCode, await error);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    // Whichever thread has made it.
    private static string ChildOf(int process)
    {
        try
        {
            return Directory.GetDirectories($"/proc/{process}/task").SelectMany(t => File.ReadAllText(Path.Combine(t, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
                // Before that it is still a part of the parent, which sleeps until it is a program of its own.
                .FirstOrDefault(child => File.ReadAllText($"/proc/{child}/cmdline").Contains("program-server", StringComparison.Ordinal), "");
        }
        catch (IOException)
        {
            // A thread has ended meanwhile.
            return "";
        }
    }
}
