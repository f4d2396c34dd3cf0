using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using UffdActors.Abi;

namespace UffdActors.Watchdog;

/// <summary>
/// <c>UffdActors.Watchdog PROCESS DESCRIPTOR</c>: watches the board that is a descriptor of another process. Started by the runtime; writes
/// "ready" to standard output, reports to standard error, and ends at the end of standard input, which the runtime's end closes.
/// </summary>
internal static class WatchdogProgram
{
    /// <summary>The first argument: by it a process of the watchdog is told from the program that it watches.</summary>
    public const string Name = "UffdActors.Watchdog";

    private const int BadInput = 2;

    /// <summary>Watches until the runtime has ended.</summary>
    /// <param name="arguments">The command line, of which the last three words count.</param>
    /// <returns>What the process ends with.</returns>
    public static int Run(IReadOnlyList<string> arguments)
    {
        if (arguments is not [.., Name, var first, var second]
            || !int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out int process)
            || !int.TryParse(second, NumberStyles.None, CultureInfo.InvariantCulture, out int descriptor))
        {
            Console.Error.WriteLine("uffd watchdog: started with PROCESS DESCRIPTOR, by the runtime that it watches only.");
            return BadInput;
        }

        // Ctrl-C is for the runtime; this process ends with the runtime.
        List<PosixSignalRegistration> ignored =
            [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGQUIT, PosixSignal.SIGHUP }.Select(
                s => PosixSignalRegistration.Create(s, context => context.Cancel = true))];
        try
        {
            using Process runtime = Process.GetProcessById(process);
            using SafeFileHandle board = File.OpenHandle(
                string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/fd/{descriptor}"), FileMode.Open, FileAccess.Read,
                FileShare.ReadWrite);
            return Watch(runtime, board);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            Console.Error.WriteLine($"uffd watchdog: process {process} cannot be watched: {e.Message}");
            return BadInput;
        }
        finally
        {
            foreach (PosixSignalRegistration signal in ignored) signal.Dispose();
        }
    }

    private static int Watch(Process runtime, SafeFileHandle board)
    {
        byte[] first = new byte[BoardLayout.Bytes];
        byte[] second = new byte[BoardLayout.Bytes];
        int read = RandomAccess.Read(board, first, 0);
        if (BoardSnapshot.Refusal(first.AsSpan(0, read)) is { } refusal)
        {
            Console.Error.WriteLine($"uffd watchdog: the board of process {runtime.Id} cannot be read: {refusal}.");
            return BadInput;
        }

        using ManualResetEventSlim ended = new();
        new Thread(() => AwaitEnd(ended)) { IsBackground = true }.Start();
        Console.Out.WriteLine("ready");
        Console.Out.Flush();
        LateFaults late = new();
        while (true)
        {
            _ = RandomAccess.Read(board, first, 0);
            _ = RandomAccess.Read(board, second, 0);
            List<WatchedUserfault> userfaults =
                [.. BoardSnapshot.Read(first, second).Select(u => u with { Unread = UnreadOf(runtime.Id, u.Descriptor) })];
            foreach (Alarm alarm in late.Look(userfaults, Stopwatch.GetTimestamp())) Report(runtime, alarm);
            if (ended.Wait(LateFaults.NextLook(userfaults))) return 0;
        }
    }

    private static void AwaitEnd(ManualResetEventSlim ended)
    {
        while (Console.In.Read() >= 0)
        {
            // The runtime writes nothing.
        }

        ended.Set();
    }

    // Unread faults are not on the board. fdinfo has their number, so no copy of the descriptor is needed.
    private static int UnreadOf(int process, int descriptor)
    {
        try
        {
            return UffdFdInfo.Read(process, descriptor).Pending;
        }
        catch (Exception e) when (e is IOException or FormatException or UnauthorizedAccessException)
        {
            // It was closed just now; or this system hides fdinfo, and then only the board is used.
            return 0;
        }
    }

    private static void Report(Process runtime, Alarm alarm)
    {
        IReadOnlyList<KernelTask> threads = KernelTask.Of(runtime.Id);
        // Kill before writing, which may fail or block.
        string done = alarm.Userfault.Kills ? Kill(runtime) : "left alone";
        try
        {
            Console.Error.WriteLine(AlarmText.Of(runtime.Id, alarm, threads, done));
        }
        catch (IOException)
        {
            // Standard error is closed.
        }
    }

    private static string Kill(Process runtime)
    {
        try
        {
            runtime.Kill();
            return "killed";
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException)
        {
            return $"could not be killed ({e.Message})";
        }
    }
}
