using System.Globalization;
using System.Runtime.InteropServices;

namespace UffdActors.Cli.Hosting;

/// <summary>
/// The end of this process by <c>_exit</c>: not through the .NET runtime, whose exit waits for threads that may be blocked. What an
/// orderly end removes is removed here: documents half written, folders, and the runtime's own sockets and pipes for debuggers.
/// </summary>
internal static class ImmediateEnd
{
    // proc_pid_stat(5): fields behind the name, of which the first is the state (3) and this is the time of the start (22).
    private const int StartTime = 22 - 3;

    /// <summary>Ends the process.</summary>
    public static void With(int code)
    {
        LeaveNothing();
        EndProcess(code);
    }

    /// <summary>Removes what must not be left. The process must not write anything any more.</summary>
    public static void LeaveNothing()
    {
        JsonTarget.LeaveNothing();
        TemporaryFolder.LeaveNothing();
        try
        {
            foreach (string file in OfTheRuntime()) File.Delete(Path.Combine(Path.GetTempPath(), file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // They are of no use to anybody, and nobody is misled by them.
        }
    }

    // The runtime names them so; see https://learn.microsoft.com/dotnet/core/diagnostics/diagnostic-port.
    private static string[] OfTheRuntime()
    {
        string stat = File.ReadAllText("/proc/self/stat");
        string start = stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[StartTime];
        string name = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{start}");
        return [$"dotnet-diagnostic-{name}-socket", $"clr-debug-pipe-{name}-in", $"clr-debug-pipe-{name}-out"];
    }

#pragma warning disable SYSLIB1054 // The source-generated form needs unsafe code, which this project does without.
    [DllImport("libc", EntryPoint = "_exit")]
    private static extern void EndProcess(int code);
#pragma warning restore SYSLIB1054
}
