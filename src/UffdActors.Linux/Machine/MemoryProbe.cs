using UffdActors.Abi;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Machine;

/// <summary>Measures on memory of its own what no file tells.</summary>
internal static class MemoryProbe
{
    // Larger than any window that is set in practice; the kernel's own is 16 pages.
    private const int Pages = 128;

    /// <summary>Window of fault-around: how much of a cached file one read maps.</summary>
    public static long MeasureBytes()
    {
        const long Bytes = (long)Pages * PageSize.Base;
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

    /// <summary>True if PAGEMAP_SCAN works on a range of asynchronous write protection.</summary>
    public static bool HasPagemapScan()
    {
        using UffdDescriptor? uffd = UffdDescriptor.TryOpen(
            UffdOpenPath.Any, UffdOpenFlags.CloseOnExec | UffdOpenFlags.NonBlock | UffdOpenFlags.UserModeOnly, out _);
        if (uffd is null || uffd.Handshake(UffdFeatures.WpAsync, out _) != Errno.None) return false;
        using GuestMemory memory = GuestMemory.MapAnonymous(PageSize.Base);
        if (uffd.Register(memory.Address, memory.Bytes, RegisterModes.WriteProtect, out _) != Errno.None) return false;
        using Pagemap pagemap = Pagemap.Open();
        try
        {
            _ = pagemap.ScanWritten(memory.Address, memory.End, protect: false, new DirtyRange[1], out _);
            return true;
        }
        catch (UnsupportedMachineException)
        {
            return false;
        }
    }
}
