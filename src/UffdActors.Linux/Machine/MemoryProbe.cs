using UffdActors.Linux.Memory;
using UffdActors.Linux.Native;
using UffdActors.Linux.Needs;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Machine;

/// <summary>Measures on memory of its own what no file tells.</summary>
internal static class MemoryProbe
{
    // Larger than any window that is set in practice; the kernel's own is 16 pages.
    private const int Pages = 128;

    // Categories of PAGEMAP_SCAN.
    private const ulong Written = 1 << 1;
    private const ulong ZeroPage = 1 << 5;

    /// <summary>Window of fault-around: how much of a cached file one read maps; -1 if it cannot be measured.</summary>
    public static long MeasureBytes()
    {
        const long Bytes = (long)Pages * PageSize.Base;
        try
        {
            using MemoryObject file = MemoryObject.CreateShmem("fault-around", Bytes);
            using (GuestMemory writer = GuestMemory.Map(file, 0, Bytes))
            {
                for (long page = 0; page < Pages; page++) writer.WriteWord(page * PageSize.Base, 1);
            }

            using GuestMemory reader = GuestMemory.Map(file, 0, Bytes);
            _ = reader.ReadWord(Bytes / 2);
            using Pagemap pagemap = Pagemap.Open();
            PagemapFlags[] entries = new PagemapFlags[Pages];
            pagemap.Read(reader.Address, entries);
            int mapped = entries.Count(e => (e & PagemapFlags.Present) != 0);
            return mapped == 1 ? 0 : (long)mapped * PageSize.Base;
        }
        catch (Exception e) when (e is UnsupportedMachineException or SyscallException)
        {
            return -1;
        }
    }

    /// <summary>
    /// What PAGEMAP_SCAN answers: "ok", or an errno. Asked of memory that no userfaultfd has anything to do with, so that being denied the
    /// one says nothing of the other.
    /// </summary>
    public static string PagemapScanAnswer()
    {
        using GuestMemory memory = GuestMemory.MapAnonymous(PageSize.Base);
        return UffdAccess.Text(Scan(memory, Written, out _));
    }

    /// <summary>
    /// True if a read of absent anonymous memory maps the zero page, as kernels do that are not told otherwise; also if that cannot be
    /// asked.
    /// </summary>
    public static bool ReadsMapZeroPage()
    {
        using GuestMemory memory = GuestMemory.MapAnonymous(PageSize.Base);
        _ = memory.ReadWord(0);
        return Scan(memory, ZeroPage, out bool isFound) != Errno.None || isFound;
    }

    // PAGEMAP_SCAN of a page for one category.
    private static unsafe Errno Scan(GuestMemory memory, ulong category, out bool isFound)
    {
        isFound = false;
        using FileHandle? pagemap = FileHandle.TryOpen("/proc/self/pagemap", Fd.O_RDONLY, out Errno error);
        if (pagemap is null) return error;
        DirtyRange found;
        Pagemap.ScanArgument scan = new()
        {
            Size = (ulong)sizeof(Pagemap.ScanArgument),
            Start = memory.Address,
            End = memory.End,
            Vector = (ulong)&found,
            VectorLength = 1,
            CategoryMask = category,
            ReturnMask = category,
        };
        using LinuxHandle.Lease lease = pagemap.Use();
        int ranges = Libc.Ioctl(lease.Number, Pagemap.PagemapScan, &scan);
        if (ranges < 0) return Libc.LastError;
        isFound = ranges > 0;
        return Errno.None;
    }
}
