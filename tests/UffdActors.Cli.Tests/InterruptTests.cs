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
            Assert.Equal(ExitCode.Failed, process.ExitCode);
            Assert.Empty(await process.StandardOutput.ReadToEndAsync(hang.Token));
            Assert.Empty(_place.Files);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }
}
