using System.Globalization;
using System.Runtime.InteropServices;

namespace UffdActors;

/// <summary>
/// Binds threads to CPUs. A wake-up across CPUs costs more than a fault, so placement is a setting and is printed with figures.
/// </summary>
public static class CpuPlacement
{
    // With it a thread gets a third of what another gets.
    private const int BackgroundNice = 5;
    private const int LowestPriority = 19;

    // PRIO_PROCESS, which on Linux is one thread.
    private const int OfProcess = 0;
    private const int CurrentThread = 0;
    private const int BitsPerWord = 64;

    // Room for 8192 CPUs, the most that Linux can be built for.
    private const int MaskWords = 128;

    // Read before the first thread is bound.
    private static readonly ulong[]? Given = Read();

    /// <summary>Binds the calling thread to one CPU.</summary>
    /// <param name="cpu">Its number, from 0.</param>
    /// <exception cref="InvalidOperationException">There is no such CPU, or the thread may not run there.</exception>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    public static void PinCurrentThread(int cpu)
    {
        if (!TryPin(CurrentThread, cpu))
        {
            throw new InvalidOperationException(
                $"CPU {cpu} is not available to this process (errno {Marshal.GetLastPInvokeError()}); set \"cpu\" to one of the "
                    + $"{Environment.ProcessorCount} CPUs it may use, or to -1.");
        }
    }

    /// <summary>
    /// Binds every thread that the process has to one CPU, and with them those that they start: the runtime's own, which compile and
    /// collect, stay away from the CPU of what is measured. A thread that binds itself afterwards is not affected.
    /// </summary>
    /// <param name="cpu">Its number, from 0.</param>
    /// <exception cref="InvalidOperationException">There is no such CPU, or the process may not run there.</exception>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    public static void PinProcess(int cpu)
    {
        PinCurrentThread(cpu);
        // One that ends meanwhile is gone, and one that starts has what its maker has.
        foreach (string task in Directory.EnumerateDirectories("/proc/self/task"))
            _ = TryPin(int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture), cpu);
    }

    /// <summary>
    /// Makes the calling thread one of the background: where CPUs are short, threads that resolve demand run before it. Its nice value
    /// becomes 5 higher, which needs no privilege and cannot be taken back without one. Nothing changes
    /// elsewhere than on Linux, or if the kernel refuses.
    /// </summary>
    public static void MakeCurrentThreadBackground()
    {
        if (!OperatingSystem.IsLinux()) return;
        _ = SetPriority(OfProcess, CurrentThread, Math.Min(LowestPriority, GetPriority(OfProcess, CurrentThread) + BackgroundNice));
    }

    /// <summary>
    /// Lets the calling thread run where the process's first thread may, whatever the thread that has started it is bound to. Nothing
    /// changes elsewhere than on Linux, or if the kernel refuses.
    /// </summary>
    internal static void PlaceAsProcess()
    {
        if (Given is null) return;
        var mask = new ulong[MaskWords];
        if (GetAffinity(Environment.ProcessId, (nuint)(mask.Length * sizeof(ulong)), mask) > 0)
            _ = SetAffinity(CurrentThread, (nuint)(mask.Length * sizeof(ulong)), mask);
    }

    private static bool TryPin(int thread, int cpu)
    {
        if (Given is null)
            throw new PlatformNotSupportedException("Threads can be bound to a CPU on Linux only; remove the setting \"cpu\".");
        var mask = new ulong[(cpu / BitsPerWord) + 1];
        mask[cpu / BitsPerWord] = 1UL << (cpu % BitsPerWord);
        return SetAffinity(thread, (nuint)(mask.Length * sizeof(ulong)), mask) == 0;
    }

    /// <summary>
    /// True if this process may use a CPU, by what it was given at its start. Elsewhere than on Linux nothing is known, and placement says
    /// so itself.
    /// </summary>
    /// <param name="cpu">Its number, from 0.</param>
    public static bool IsAvailable(int cpu) =>
        Given is null || (cpu < Given.Length * BitsPerWord && (Given[cpu / BitsPerWord] & (1UL << (cpu % BitsPerWord))) != 0);

    private static ulong[]? Read()
    {
        if (!OperatingSystem.IsLinux()) return null;
        var mask = new ulong[MaskWords];
        return GetAffinity(CurrentThread, (nuint)(mask.Length * sizeof(ulong)), mask) < 0 ? [] : mask;
    }

#pragma warning disable SYSLIB1054 // The source-generated form needs unsafe code, which this project does without.
    [DllImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    private static extern int SetAffinity(int pid, nuint bytes, [In] ulong[] mask);

    [DllImport("libc", EntryPoint = "sched_getaffinity", SetLastError = true)]
    private static extern int GetAffinity(int pid, nuint bytes, [Out] ulong[] mask);

    [DllImport("libc", EntryPoint = "getpriority")]
    private static extern int GetPriority(int which, int who);

    [DllImport("libc", EntryPoint = "setpriority")]
    private static extern int SetPriority(int which, int who, int nice);
#pragma warning restore SYSLIB1054
}
