using System.Diagnostics;
using System.Runtime.InteropServices;

namespace UffdActors.Cli.Hosting;

/// <summary>Signals to processes that this one has started.</summary>
internal static class ProcessSignal
{
    /// <summary>Asks for an orderly end.</summary>
    public const int Terminate = 15;

    /// <summary>Lets a stopped process go on.</summary>
    public const int Continue = 18;

    /// <summary>Stops it.</summary>
    public const int Stop = 19;

    /// <summary>Sends one; a process that has ended gets none.</summary>
    public static void Send(Process process, int signal)
    {
        // Until it has been waited for, its number is nobody else's.
        if (!process.HasExited) _ = Kill(process.Id, signal);
    }

#pragma warning disable SYSLIB1054 // The source-generated form needs unsafe code, which this project does without.
    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
#pragma warning restore SYSLIB1054
}
