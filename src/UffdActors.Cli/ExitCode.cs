namespace UffdActors.Cli;

/// <summary>How every command ends.</summary>
internal static class ExitCode
{
    /// <summary>Done, and verified.</summary>
    public const int Done = 0;

    /// <summary>A check failed, or the work could not be done.</summary>
    public const int Failed = 1;

    /// <summary>Bad usage or input.</summary>
    public const int BadInput = 2;

    /// <summary>Not supported on this machine.</summary>
    public const int Unsupported = 3;

    /// <summary>Ended by Ctrl-C before it was done, as a shell tells it: 128 and SIGINT. What a command says of any interruption.</summary>
    public const int Interrupted = 130;

    /// <summary>The same by SIGTERM.</summary>
    public const int Terminated = 143;
}

/// <summary>Ends a command with one line on standard error.</summary>
internal sealed class CommandException(int exitCode, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What the process ends with.</summary>
    public int ExitCode { get; } = exitCode;

    /// <summary>Bad usage or input; the message names the thing, the value and what to do.</summary>
    public static CommandException BadInput(string message) => new(Cli.ExitCode.BadInput, message);
}
