using System.Globalization;
using UffdActors.Linux.Native;

namespace UffdActors.Linux.Memory;

/// <summary>
/// Where a process shows its address space. Its first thread may have ended (<c>pthread_exit</c> in <c>main</c>) while others go on: the
/// process is alive then, but its own folder and number give ESRCH, and any other thread's give what is wanted.
/// </summary>
internal static class ProcessFolder
{
    private const int PidfdOpen = 434;
    private const int PidfdThread = 0x80; // O_EXCL; since Linux 6.9.

    /// <summary>The folder under <c>/proc</c> of a thread that lives; of the process if none does.</summary>
    /// <param name="process">Number of the process.</param>
    public static string Of(int process) =>
        LivingThread(process) is { } thread && thread != process ? Text($"/proc/{process}/task/{thread}") : Text($"/proc/{process}");

    /// <summary>
    /// True if its first thread has ended and another lives: calls that take a process and no thread (process_madvise) are refused then.
    /// </summary>
    public static bool HasLostItsFirstThread(int process) => LivingThread(process) is { } thread && thread != process;

    /// <summary>Opens a descriptor for the process, or where its first thread has ended for another of its threads.</summary>
    /// <exception cref="SyscallException">ESRCH: there is no such process.</exception>
    public static FileHandle OpenPidfd(int process)
    {
        int thread = LivingThread(process) ?? process;
        nint pidfd = Libc.Syscall(PidfdOpen, thread, thread == process ? 0 : PidfdThread, 0, 0, 0, 0);
        return pidfd >= 0 ? new FileHandle((int)pidfd) : throw new SyscallException($"pidfd_open({thread})", Libc.LastError);
    }

    /// <summary>The first thread of a process that has not ended; null if none is left, or there is no such process.</summary>
    private static int? LivingThread(int process)
    {
        if (Lives(process, process)) return process;
        try
        {
            foreach (string task in Directory.EnumerateDirectories(Text($"/proc/{process}/task")))
            {
                int thread = int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture);
                if (thread != process && Lives(process, thread)) return thread;
            }
        }
        catch (IOException)
        {
            // It has ended meanwhile.
        }

        return null;
    }

    // The state is behind the name, which may hold any characters. Z is a thread that has ended, X one that is ending.
    private static bool Lives(int process, int thread)
    {
        try
        {
            string stat = File.ReadAllText(Text($"/proc/{process}/task/{thread}/stat"));
            return stat.LastIndexOf(')') is > 0 and var name && stat[name + 2] is not ('Z' or 'X');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static string Text(FormattableString path) => path.ToString(CultureInfo.InvariantCulture);
}
