using System.Runtime.InteropServices;
using UffdActors.Linux.Native;
using UffdActors.Linux.Needs;
using UffdActors.Model.Memory;
using UffdActors.Worlds;

namespace UffdActors.Linux.Memory;

/// <summary>
/// Reads a process's page table without touching a page, and tracks dirty pages: PAGEMAP_SCAN finds what was written since, and protects it
/// again in the same step. Owns a descriptor. Safe for any thread.
/// </summary>
/// <remarks>A pagemap belongs to the address space that the process had when it was opened, whatever it executes later.</remarks>
internal sealed unsafe class Pagemap : IDisposable
{
    internal const uint PagemapScan = 0xC060_6610;
    private const ulong WriteProtectMatching = 1;
    private const ulong CheckWpAsync = 2;
    private const ulong Written = 2;
    private const ulong Present = 8;
    private const ulong Swapped = 16;
    private const ulong SwapTypeMask = 0x1F;
    private const ulong MarkerType = 0x1F;
    private readonly FileHandle _file;

    private Pagemap(FileHandle file) => _file = file;

    /// <summary>Opens that of this process.</summary>
    /// <exception cref="UnsupportedMachineException">There is none here, or this process may not open it.</exception>
    public static Pagemap Open() =>
        new(FileHandle.TryOpen("/proc/self/pagemap", Fd.O_RDONLY, out Errno error)
            ?? throw Refused(error));

    private static Exception Refused(Errno error) => error is Errno.EMFILE or Errno.ENFILE
        ? new SyscallException("open(/proc/self/pagemap)", error, KernelErrors.Explain("open", error) + ".")
        : new UnsupportedMachineException(
            MachineNeed.PagemapScan, $"/proc/self/pagemap cannot be opened ({error}).",
            MachineFinding.PagemapScan(error.ToString(), Confinement.Read()), "open", error);

    /// <summary>Opens that of another process, by the folder in /proc of one of its threads.</summary>
    /// <exception cref="SyscallException">
    /// ENOENT or ESRCH: there is no such process; EACCES or EPERM: this one may not trace it (CAP_SYS_PTRACE).
    /// </exception>
    internal static Pagemap OpenIn(string folder) =>
        new(FileHandle.TryOpen($"{folder}/pagemap", Fd.O_RDONLY, out Errno error)
            ?? throw new SyscallException($"open({folder}/pagemap)", error));

    /// <summary>Reads the entry of one page of 4 KiB.</summary>
    /// <param name="address">Its address.</param>
    /// <param name="isMarker">
    /// True if the entry is a marker (protected, poisoned or guarded before there was a page), not a page in swap. Only CAP_SYS_ADMIN is
    /// shown the difference; to others every entry that is no page is one in swap.
    /// </param>
    /// <exception cref="SyscallException">The address is not one of an address space, or its process is gone.</exception>
    public PagemapFlags Read(ulong address, out bool isMarker)
    {
        PagemapFlags entry = default;
        Fill(address, new Span<PagemapFlags>(ref entry));
        isMarker = (entry & (PagemapFlags.Present | PagemapFlags.Swap)) == PagemapFlags.Swap && ((ulong)entry & SwapTypeMask) == MarkerType;
        return entry & PagemapFlags.All;
    }

    /// <summary>Reads entries, one for each 4 KiB.</summary>
    /// <param name="address">First address; its page counts.</param>
    /// <param name="entries">One for each page; as many pages are read.</param>
    /// <exception cref="SyscallException">The range is not one of an address space.</exception>
    public void Read(ulong address, Span<PagemapFlags> entries)
    {
        Fill(address, entries);
        foreach (ref PagemapFlags entry in entries) entry &= PagemapFlags.All;
    }

    // Words as the kernel gives them.
    private void Fill(ulong address, Span<PagemapFlags> entries)
    {
        using LinuxHandle.Lease lease = _file.Use();
        fixed (PagemapFlags* pointer = entries)
        {
            long offset = (long)(address >> PageSize.BaseShift) * sizeof(ulong);
            int wanted = entries.Length * sizeof(ulong);
            for (int done = 0; done < wanted;)
            {
                nint bytes = Libc.PRead(lease.Number, (byte*)pointer + done, (nuint)(wanted - done), offset + done);
                if (bytes <= 0) throw new SyscallException($"pread(pagemap, 0x{address:x})", bytes < 0 ? Libc.LastError : Errno.EFAULT);
                done += (int)bytes;
            }
        }
    }

    /// <summary>
    /// Finds the pages that were written since they were last protected, and with <paramref name="protect"/> protects them again, page by
    /// page in one step: no write is lost between the two. To protect, the range must be registered for write protection on a context with
    /// WP_ASYNC.
    /// </summary>
    /// <param name="start">First address.</param>
    /// <param name="end">First address behind.</param>
    /// <param name="protect">True to start the next round, false to look only.</param>
    /// <param name="withEmpty">Looking only, an empty entry without a marker counts as written all the same.</param>
    /// <param name="ranges">Ranges found, ascending.</param>
    /// <param name="next">
    /// First address that was not looked at: <paramref name="end"/>, or where to go on because the room was full.
    /// </param>
    /// <returns>Ranges found.</returns>
    /// <exception cref="SyscallException">EPERM: a part of the range is not registered so; ENOTTY: the kernel is too old.</exception>
    public int ScanWritten(ulong start, ulong end, bool protect, bool withEmpty, Span<DirtyRange> ranges, out ulong next)
    {
        ArgumentOutOfRangeException.ThrowIfZero(ranges.Length, nameof(ranges));
        fixed (DirtyRange* pointer = ranges)
        {
            ScanArgument scan = new()
            {
                Size = (ulong)sizeof(ScanArgument),
                Flags = protect ? CheckWpAsync | WriteProtectMatching : 0,
                Start = start,
                End = end,
                Vector = (ulong)pointer,
                VectorLength = (ulong)ranges.Length,
                CategoryMask = Written,
                // Asked for nothing but what was written, the kernel counts an empty entry as written.
                CategoryAnyOfMask = protect || withEmpty ? 0 : Present | Swapped,
                ReturnMask = Written,
            };
            using LinuxHandle.Lease lease = _file.Use();
            int found = Libc.Ioctl(lease.Number, PagemapScan, &scan);
            if (found < 0)
            {
                Errno error = Libc.LastError;
                throw error == Errno.ENOTTY
                    ? new UnsupportedMachineException(MachineNeed.PagemapScan, "This kernel has no PAGEMAP_SCAN.", "PAGEMAP_SCAN", error)
                    : new SyscallException(
                        $"ioctl(PAGEMAP_SCAN, 0x{start:x}-0x{end:x})", error,
                        error == Errno.EPERM ? "the range must be registered for asynchronous write protection." : null);
            }

            next = scan.WalkEnd;
            return found;
        }
    }

    /// <inheritdoc />
    public void Dispose() => _file.Dispose();

    /// <summary><c>struct pm_scan_arg</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct ScanArgument
    {
        public ulong Size;
        public ulong Flags;
        public ulong Start;
        public ulong End;
        public ulong WalkEnd;
        public ulong Vector;
        public ulong VectorLength;
        public ulong MaxPages;
        public ulong CategoryInverted;
        public ulong CategoryMask;
        public ulong CategoryAnyOfMask;
        public ulong ReturnMask;
    }
}
