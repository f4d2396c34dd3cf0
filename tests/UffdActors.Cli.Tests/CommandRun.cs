using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

/// <summary>Runs a command in this process and keeps what it wrote.</summary>
internal sealed record CommandRun(int ExitCode, string Output, string Error)
{
    public static async Task<CommandRun> Of(params string[] args)
    {
        using StringWriter output = new();
        using StringWriter error = new();
        int code = await new CommandHost(new Terminal(output, error, isInteractive: false)).RunAsync(args);
        return new CommandRun(code, output.ToString(), error.ToString());
    }

    /// <summary>Holds that the command ended so; if not, what it said is shown.</summary>
    public void EndsWith(int exitCode) => Assert.True(ExitCode == exitCode, $"ended with {ExitCode} instead of {exitCode}: {Error}");
}
