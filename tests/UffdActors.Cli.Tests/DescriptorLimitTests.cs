using System.Diagnostics;
using System.Globalization;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

/// <summary>With few descriptors a command says so before it begins, and does not end in the middle with a stack trace.</summary>
public sealed class DescriptorLimitTests
{
    private static readonly TimeSpan Hang = TimeSpan.FromMinutes(5);

    [SkippableTheory]
    [InlineData(40, "postcopy --memory 1M --accesses 500")]
    [InlineData(64, "serve --socket none")]
    [InlineData(120, "postcopy --world live --memory 1M --accesses 500")]
    [InlineData(DescriptorLimit.Least - 1, "doctor")]
    public async Task Too_few_are_one_line_that_names_the_limit_and_the_need(int most, string command)
    {
        CommandRun run = await RunAsync(most, command);

        run.EndsWith(ExitCode.Unsupported);
        Assert.Equal(
            $"uffd: this process may have at most {most} descriptors open (RLIMIT_NOFILE), and needs up to {DescriptorLimit.Least}: raise "
                + $"it (ulimit -n {DescriptorLimit.Least}; systemd: LimitNOFILE=; Docker: --ulimit nofile=).\n",
            run.Error);
        Assert.Empty(run.Output);
    }

    [SkippableTheory]
    [InlineData("postcopy --memory 1M --accesses 500")]
    [InlineData("explore --scenario tiny-fault --schedules 10")]
    public async Task As_many_as_are_asked_for_are_enough(string command) =>
        (await RunAsync(DescriptorLimit.Least, command)).EndsWith(ExitCode.Done);

    private static async Task<CommandRun> RunAsync(int most, string command)
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "A limit of Linux.");
        using CancellationTokenSource hang = new(Hang);
        string program = Path.Combine(AppContext.BaseDirectory, "uffd");
        string line = string.Create(CultureInfo.InvariantCulture, $"ulimit -n {most}; exec '{program}' {command}");
        ProcessStartInfo start = new("sh", ["-c", line]) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> error = process.StandardError.ReadToEndAsync(hang.Token);
            string output = await process.StandardOutput.ReadToEndAsync(hang.Token);
            await process.WaitForExitAsync(hang.Token);
            return new CommandRun(process.ExitCode, output, await error);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }
}
