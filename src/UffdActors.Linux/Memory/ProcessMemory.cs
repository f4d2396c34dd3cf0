using UffdActors.Linux.Native;

namespace UffdActors.Linux.Memory;

/// <summary>
/// The memory of a process, this one or another, looked at from outside: its page table, and its bytes through <c>/proc/PID/mem</c>. A read
/// there may not sleep in a userfault, so a page that userfaultfd has to resolve is EIO at once and without a message (SEMANTICS 4.5.2),
/// while one that is mapped or in swap is read. Owns two descriptors. Safe for any thread.
/// </summary>
/// <remarks>
/// Both belong to the address space that the process has when they are opened: they never show that of another one with the same number. An
/// absent page that is not registered is filled by a read like by any other: look at the page table first.
/// </remarks>
internal sealed unsafe class ProcessMemory : IDisposable
{
    private const int PidfdOpen = 434;
    private const int ProcessMAdvise = 440;
    private readonly FileHandle _bytes;

    private ProcessMemory(int? process, Pagemap pagemap, FileHandle bytes)
    {
        Process = process;
        Pagemap = pagemap;
        _bytes = bytes;
    }

    /// <summary>Number of the process; null for this one.</summary>
    public int? Process { get; }

    /// <summary>Its page table.</summary>
    public Pagemap Pagemap { get; }

    /// <summary>Opens them.</summary>
    /// <param name="process">Number of the process; null for this one.</param>
    /// <exception cref="SyscallException">
    /// ENOENT or ESRCH: there is no such process; EACCES or EPERM: this one may not trace it.
    /// </exception>
    public static ProcessMemory Open(int? process)
    {
        string folder = process is { } number ? ProcessFolder.Of(number) : "/proc/self";
        Pagemap pagemap = process is null ? Pagemap.Open() : Pagemap.OpenIn(folder);
        string path = $"{folder}/mem";
        if (FileHandle.TryOpen(path, Fd.O_RDONLY, out Errno error) is { } bytes) return new ProcessMemory(process, pagemap, bytes);
        pagemap.Dispose();
        throw new SyscallException($"open({path})", error);
    }

    /// <summary>Copies bytes out of one page.</summary>
    /// <returns>False if they cannot be read without a userfault, or nothing readable is mapped there.</returns>
    public bool TryRead(ulong address, Span<byte> destination)
    {
        using LinuxHandle.Lease lease = _bytes.Use();
        fixed (byte* pointer = destination)
            return Libc.PRead(lease.Number, pointer, (nuint)destination.Length, (long)address) == destination.Length;
    }

    /// <summary>The entry of a page in its page table.</summary>
    /// <param name="address">Address of the page.</param>
    /// <param name="isMarker">See <see cref="Memory.Pagemap.Read(ulong, out bool)"/>.</param>
    /// <exception cref="UffdException">ESRCH: the process, or the address space that it had, is gone.</exception>
    public PagemapFlags Entry(ulong address, out bool isMarker)
    {
        try
        {
            return Pagemap.Read(address, out isMarker);
        }
        catch (SyscallException) when (Process is not null)
        {
            throw new UffdException(
                "pread(pagemap)", Errno.ESRCH, $"process {Process}, whose memory it is, has ended, or executes another program now.");
        }
    }

    /// <summary>Does nothing while the address space is there.</summary>
    /// <param name="address">Any address of it.</param>
    /// <exception cref="UffdException">ESRCH: the process, or the address space that it had, is gone.</exception>
    public void ThrowIfGone(ulong address)
    {
        if (Process is not null) _ = Entry(address, out _);
    }

    /// <summary>
    /// Advises another process's memory (<c>process_madvise</c>(2)): only advice that keeps the content, for the kernel takes no other from
    /// outside.
    /// </summary>
    public Errno Advise(ulong address, long bytes, MemoryAdvice advice)
    {
        nint pidfd = Libc.Syscall(PidfdOpen, Process!.Value, 0, 0, 0, 0, 0);
        if (pidfd < 0) return Libc.LastError;
        using FileHandle process = new((int)pidfd);
        // struct iovec. A long range is advised in parts.
        ulong* part = stackalloc ulong[2];
        for (ulong end = address + (ulong)bytes; address < end;)
        {
            (part[0], part[1]) = (address, end - address);
            nint advised = Libc.Syscall(ProcessMAdvise, process.Number, (nint)part, 1, (nint)(int)advice, 0, 0);
            if (advised < 0) return Libc.LastError;
            if (advised == 0) return Errno.EINVAL;
            address += (ulong)advised;
        }

        return Errno.None;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Pagemap.Dispose();
        _bytes.Dispose();
    }
}
