namespace UffdActors.Cli.Hosting;

/// <summary>Ends a command with one line on standard error.</summary>
internal sealed class CommandException(int exitCode, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What the process ends with.</summary>
    public int ExitCode { get; } = exitCode;

    /// <summary>Bad usage or input; the message names the thing, the value and what to do.</summary>
    public static CommandException BadInput(string message) => new(Hosting.ExitCode.BadInput, message);
}
