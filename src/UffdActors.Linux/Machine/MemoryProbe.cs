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
    public static unsafe string PagemapScanAnswer()
    {
        const ulong Written = 2;
        using FileHandle? pagemap = FileHandle.TryOpen("/proc/self/pagemap", Fd.O_RDONLY, out Errno error);
        if (pagemap is null) return UffdAccess.Text(error);
        using GuestMemory memory = GuestMemory.MapAnonymous(PageSize.Base);
        DirtyRange found;
        Pagemap.ScanArgument scan = new()
        {
            Size = (ulong)sizeof(Pagemap.ScanArgument),
            Start = memory.Address,
            End = memory.End,
            Vector = (ulong)&found,
            VectorLength = 1,
            CategoryMask = Written,
            ReturnMask = Written,
        };
        using LinuxHandle.Lease lease = pagemap.Use();
        return UffdAccess.Text(Libc.Ioctl(lease.Number, Pagemap.PagemapScan, &scan) < 0 ? Libc.LastError : Errno.None);
    }
}
