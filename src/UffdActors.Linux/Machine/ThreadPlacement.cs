using UffdActors.Linux.Native;
using UffdActors.Linux.Needs;

namespace UffdActors.Linux.Machine;

/// <summary>On which CPUs the calling thread runs, and with which priority.</summary>
internal static unsafe class ThreadPlacement
{
    private const int Words = 16;
    private const int BitsPerWord = 64;

    /// <summary>CPUs that the calling thread may run on, ascending.</summary>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public static int[] AllowedCpus()
    {
        ulong* mask = stackalloc ulong[Words];
        new Span<ulong>(mask, Words).Clear();
        if (Libc.GetAffinity(0, Words * sizeof(ulong), mask) < 0) throw new SyscallException("sched_getaffinity", Libc.LastError);
        List<int> cpus = [];
        for (int cpu = 0; cpu < Words * BitsPerWord; cpu++)
        {
            if ((mask[cpu / BitsPerWord] & (1UL << (cpu % BitsPerWord))) != 0) cpus.Add(cpu);
        }

        return [.. cpus];
    }

    /// <summary>Binds the calling thread to CPUs.</summary>
    /// <exception cref="SyscallException">EINVAL: none of them exists, or is allowed here.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A number is negative, or larger than the mask that is passed to the kernel.
    /// </exception>
    public static void BindTo(params ReadOnlySpan<int> cpus)
    {
        ulong* mask = stackalloc ulong[Words];
        new Span<ulong>(mask, Words).Clear();
        foreach (int cpu in cpus)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)cpu, (uint)(Words * BitsPerWord), nameof(cpus));
            mask[cpu / BitsPerWord] |= 1UL << (cpu % BitsPerWord);
        }

        if (Libc.SetAffinity(0, Words * sizeof(ulong), mask) == -1)
            throw new SyscallException(
                $"sched_setaffinity(CPU {string.Join(", ", cpus.ToArray())})", Libc.LastError,
                "this process may use " + string.Join(", ", AllowedCpus()) + ".");
    }

    /// <summary>Gives the calling thread a real-time priority: it runs before every thread of a smaller one (SCHED_FIFO).</summary>
    /// <param name="priority">1 to 99; 0 for an ordinary thread.</param>
    /// <exception cref="UnsupportedMachineException">Not permitted.</exception>
    public static void SetRealTimePriority(int priority)
    {
        if (Libc.SetScheduler(0, priority == 0 ? Sched.SCHED_OTHER : Sched.SCHED_FIFO, &priority) != -1) return;
        Errno error = Libc.LastError;
        throw new UnsupportedMachineException(
            MachineNeed.RealTimePriority,
            $"Real-time priorities are not permitted ({error}).",
            MachineFinding.RealTimePriority(error.ToString(), Confinement.Read()),
            "sched_setscheduler",
            error);
    }

    /// <summary>Number of the calling thread, as the kernel and THREAD_ID messages give it.</summary>
    public static int ThreadId => Libc.GetThreadId();
}
