using System.Text;
using Microsoft.Win32.SafeHandles;
using UffdActors.Linux.Native;
using UffdActors.Linux.Needs;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Memory;

/// <summary>
/// Memory with a descriptor, which can be mapped any number of times: memfd, hugetlb, guest_memfd, or what other code has made.
/// Two mappings of one object are aliases: bytes written through one are in the page cache of the other, which is how MINOR faults are
/// served.
/// </summary>
/// <remarks>
/// Owns its descriptor and closes it when it is disposed of; mappings live on, as in the kernel, until they are disposed of. Content is
/// freed with the last of both. Safe for any thread.
/// </remarks>
public sealed unsafe class MemoryObject : IDisposable
{
    private MemoryObject(FileHandle handle, MemoryBacking backing, long bytes)
    {
        Handle = handle;
        Backing = backing;
        Bytes = bytes;
    }

    /// <summary>The descriptor.</summary>
    public LinuxHandle Handle { get; }

    /// <summary>What it is.</summary>
    public MemoryBacking Backing { get; }

    /// <summary>Size in bytes.</summary>
    public long Bytes { get; }

    /// <summary>Bytes of a page: 4 KiB, or 2 MiB.</summary>
    public int PageBytes => Backing == MemoryBacking.Hugetlb ? PageSize.Huge : PageSize.Base;

    /// <summary>Makes a memfd: shmem, empty.</summary>
    /// <param name="name">Shown in <c>/proc/PID/maps</c>.</param>
    /// <param name="bytes">Size, a multiple of 4 KiB.</param>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public static MemoryObject CreateShmem(string name, long bytes) => Create(name, MemoryBacking.Shmem, bytes, PageSize.Base, 0);

    /// <summary>
    /// Makes a memfd of huge pages of 2 MiB. The pages come out of the machine's pool when they are first needed; mapping it shared
    /// reserves them.
    /// </summary>
    /// <param name="name">Shown in <c>/proc/PID/maps</c>.</param>
    /// <param name="bytes">Size, a multiple of 2 MiB.</param>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public static MemoryObject CreateHugetlb(string name, long bytes) =>
        Create(name, MemoryBacking.Hugetlb, bytes, PageSize.Huge, Fd.MFD_HUGETLB | Fd.MFD_HUGE_2MB);

    /// <summary>
    /// Makes a guest_memfd that can be mapped (KVM_CREATE_GUEST_MEMFD with MMAP and INIT_SHARED), on a virtual machine of its own. Linux
    /// 6.18 takes only asynchronous write protection on it (SEMANTICS 3.2.3).
    /// </summary>
    /// <param name="bytes">Size, a multiple of 4 KiB.</param>
    /// <exception cref="UnsupportedMachineException">There is no KVM here, or it has no such memory.</exception>
    public static MemoryObject CreateGuestMemfd(long bytes)
    {
        CheckSize(bytes, PageSize.Base);
        return new MemoryObject(GuestMemfdFactory.Create(bytes), MemoryBacking.GuestMemfd, bytes);
    }

    /// <summary>
    /// Takes over a descriptor that other code has made (inherited, or received over a socket): from here on it belongs to this object.
    /// </summary>
    /// <param name="number">Descriptor in this process.</param>
    /// <param name="backing">What it is.</param>
    /// <param name="bytes">Its size.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is negative.</exception>
    public static MemoryObject Adopt(int number, MemoryBacking backing, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        return new MemoryObject(new FileHandle(number), backing, bytes);
    }

    /// <summary>
    /// Allocates pages in full, as zeros: they are cached from then on, so a MINOR registration sees no hole (SEMANTICS 4.2.9).
    /// </summary>
    public Errno Allocate(long offset, long bytes) => FAllocate(0, offset, bytes);

    /// <summary>Punches a hole: content is gone, every mapping of it too.</summary>
    public Errno Punch(long offset, long bytes) => FAllocate(Fd.FALLOC_FL_PUNCH_HOLE | Fd.FALLOC_FL_KEEP_SIZE, offset, bytes);

    /// <summary>True if a hole can be punched: the descriptor may write, and no seal is in the way.</summary>
    internal bool CanPunch
    {
        get
        {
            using LinuxHandle.Lease lease = Handle.Use();
            int flags = Libc.Fcntl(lease.Number, Fd.F_GETFL, 0);
            // EINVAL of a file that has no seals.
            int seals = Libc.Fcntl(lease.Number, Fd.F_GET_SEALS, 0);
            return (flags & Fd.O_ACCMODE) == Fd.O_RDWR && (seals < 0 || (seals & (Fd.F_SEAL_WRITE | Fd.F_SEAL_FUTURE_WRITE)) == 0);
        }
    }

    /// <summary>
    /// Copies bytes of one page out of the file, wherever they are mapped, or are in swap. Touches no mapping, and a hole stays one.
    /// </summary>
    /// <returns>
    /// False if there is a hole, or the memory cannot be read so: huge pages do not tell a hole from a page of zeros, guest_memfd has no
    /// read.
    /// </returns>
    internal bool TryRead(long offset, Span<byte> destination)
    {
        if (Backing is MemoryBacking.Hugetlb or MemoryBacking.GuestMemfd) return false;
        using LinuxHandle.Lease lease = Handle.Use();
        if (Libc.LSeek(lease.Number, offset, Fd.SEEK_DATA) != offset && !IsAllocated(lease.Number, offset)) return false;
        fixed (byte* pointer = destination)
            return Libc.PRead(lease.Number, pointer, (nuint)destination.Length, offset) == destination.Length;
    }

    /// <summary>Bytes of the file now; null if it cannot be asked, as a guest_memfd cannot.</summary>
    internal long? MeasureBytes()
    {
        const int SeekCurrent = 1;
        const int SeekEnd = 2;
        using LinuxHandle.Lease lease = Handle.Use();
        long position = Libc.LSeek(lease.Number, 0, SeekCurrent);
        if (position < 0) return null;
        long end = Libc.LSeek(lease.Number, 0, SeekEnd);
        _ = Libc.LSeek(lease.Number, position, 0);
        return end < 0 ? null : end;
    }

    /// <summary>A descriptor more of the same memory, which belongs to the caller.</summary>
    /// <exception cref="SyscallException">The process has too many.</exception>
    internal SafeFileHandle Duplicate()
    {
        using LinuxHandle.Lease lease = Handle.Use();
        int number = Libc.Fcntl(lease.Number, Fd.F_DUPFD_CLOEXEC, 0);
        return number >= 0
            ? new SafeFileHandle(number, ownsHandle: true)
            : throw new SyscallException("fcntl(F_DUPFD_CLOEXEC)", Libc.LastError);
    }

    /// <inheritdoc />
    public void Dispose() => Handle.Dispose();

    // SEEK_DATA does not report a page that fallocate has made and nothing has used since; cachestat does.
    private static bool IsAllocated(int descriptor, long offset)
    {
        const int CacheStat = 451;
        ulong* range = stackalloc ulong[2] { (ulong)offset, PageSize.Base };
        // struct cachestat: cached, dirty, under write-back, evicted, recently evicted.
        ulong* counts = stackalloc ulong[5];
        return Libc.Syscall(CacheStat, descriptor, (nint)range, (nint)counts, 0, 0, 0) == 0 && counts[0] + counts[3] > 0;
    }

    private Errno FAllocate(int mode, long offset, long bytes)
    {
        // guest_memfd takes no allocation that could change its size.
        if (Backing == MemoryBacking.GuestMemfd) mode |= Fd.FALLOC_FL_KEEP_SIZE;
        using LinuxHandle.Lease lease = Handle.Use();
        return Libc.FAllocate(lease.Number, mode, offset, bytes) == -1 ? Libc.LastError : Errno.None;
    }

    private static MemoryObject Create(string name, MemoryBacking backing, long bytes, int pageBytes, uint flags)
    {
        ArgumentNullException.ThrowIfNull(name);
        CheckSize(bytes, pageBytes);
        int number;
        fixed (byte* pointer = Encoding.UTF8.GetBytes(name + "\0")) number = Libc.MemFdCreate(pointer, flags | Fd.MFD_CLOEXEC);
        if (number < 0) throw new SyscallException($"memfd_create(\"{name}\")", Libc.LastError);
        FileHandle handle = new(number);
        if (Libc.FTruncate(number, bytes) == -1)
        {
            Errno error = Libc.LastError;
            handle.Dispose();
            throw new SyscallException($"ftruncate(\"{name}\", {bytes})", error);
        }

        return new MemoryObject(handle, backing, bytes);
    }

    private static void CheckSize(long bytes, int pageBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        if (bytes % pageBytes != 0)
            throw new ArgumentException($"{bytes} bytes is not a multiple of the page size, {pageBytes}.", nameof(bytes));
    }
}
