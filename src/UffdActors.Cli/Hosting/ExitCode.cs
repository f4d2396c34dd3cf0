namespace UffdActors.Cli.Hosting;

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
