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
}
