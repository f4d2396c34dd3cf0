using System.Runtime.InteropServices;

namespace UffdActors.Dispatch;

/// <summary>
/// Binds threads to CPUs. A wake-up across CPUs costs more than a fault, so placement is a setting and is printed with figures.
/// </summary>
internal static class CpuPlacement
{
    private const int BitsPerWord = 64;

    // Room for 8192 CPUs, the most that Linux can be built for.
    private const int MaskWords = 128;

    /// <summary>Binds the calling thread to one CPU.</summary>
    /// <exception cref="InvalidOperationException">There is no such CPU, or the thread may not run there.</exception>
    public static void PinCurrentThread(int cpu)
    {
        if (!OperatingSystem.IsLinux())
            throw new PlatformNotSupportedException("Threads can be bound to a CPU on Linux only; remove the setting \"cpu\".");
        var mask = new ulong[(cpu / BitsPerWord) + 1];
        mask[cpu / BitsPerWord] = 1UL << (cpu % BitsPerWord);
        // 0 is the calling thread.
        if (SetAffinity(0, (nuint)(mask.Length * sizeof(ulong)), mask) != 0)
        {
            throw new InvalidOperationException(
                $"CPU {cpu} is not available to this process (errno {Marshal.GetLastPInvokeError()}); set \"cpu\" to one of the "
                    + $"{Environment.ProcessorCount} CPUs it may use, or to -1.");
        }
    }

    /// <summary>
    /// True if the calling thread may run on a CPU. Elsewhere than on Linux nothing is known, and placement says so itself.
    /// </summary>
    public static bool IsAvailable(int cpu)
    {
        if (!OperatingSystem.IsLinux()) return true;
        var mask = new ulong[MaskWords];
        int bytes = GetAffinity(0, (nuint)(mask.Length * sizeof(ulong)), mask);
        return bytes >= 0 && cpu < mask.Length * BitsPerWord && (mask[cpu / BitsPerWord] & (1UL << (cpu % BitsPerWord))) != 0;
    }

#pragma warning disable SYSLIB1054 // The source-generated form needs unsafe code, which this project does without.
    [DllImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    private static extern int SetAffinity(int pid, nuint bytes, [In] ulong[] mask);

    [DllImport("libc", EntryPoint = "sched_getaffinity", SetLastError = true)]
    private static extern int GetAffinity(int pid, nuint bytes, [Out] ulong[] mask);
#pragma warning restore SYSLIB1054
}
