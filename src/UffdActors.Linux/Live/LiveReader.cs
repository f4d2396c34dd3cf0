using UffdActors.Actors;
using UffdActors.Linux.Memory;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Live;

/// <summary>
/// Reads pages that are there. What is mapped or in swap is read through <c>/proc/PID/mem</c>, which cannot sleep in a userfault; what a
/// shared mapping has lost is read from the memory's own file. So nothing faults, and no hole is filled.
/// </summary>
internal sealed class LiveReader(VmRoot vm, LiveKernel kernel) : GuestReader(vm)
{
    private PagemapFlags[] _entries = [];

    private protected override bool TryReadPage(GuestRegion region, long page, bool withCache, Span<byte> destination)
    {
        LiveMemory memory = kernel.MemoryOf(region);
        long offset = page << PageSize.BaseShift;
        if (kernel.ProcessOf(memory) is not { } process)
        {
            memory.ThrowIfUnreadable();
            return withCache && memory.TryReadFile(kernel.OwnMemory, offset, destination);
        }

        if (region.PlaceOf(page) is not { } address) return false;
        PagemapFlags entry = process.Entry(address, out bool isMarker);

        // The private copy first, be it mapped or in swap. What a shared mapping has in place of a page is either a mark of protection,
        // behind which the file is asked, or poison, which is EIO; or the page is just being moved, and the read waits for that.
        bool isPage = (entry & PagemapFlags.Present) != 0
            || ((entry & PagemapFlags.Swap) != 0 && !(memory.Guest.IsShared && (entry & PagemapFlags.UffdWp) != 0) && !isMarker);
        if (isPage && process.TryRead(address, destination)) return true;
        bool isEmpty = (entry & PagemapFlags.Swap) == 0 || (entry & PagemapFlags.UffdWp) != 0;
        return withCache && memory.Guest.IsShared && isEmpty && memory.TryReadFile(kernel.OwnMemory, offset, destination);
    }

    private protected override bool TryReadMapped(GuestRegion region, long firstPage, Span<byte> destination)
    {
        int pages = destination.Length >> PageSize.BaseShift;
        if (kernel.ProcessOf(kernel.MemoryOf(region)) is not { } process || region.PlaceOf(firstPage) is not { } address
            || region.PlaceOf(firstPage + pages - 1) != address + ((ulong)(pages - 1) << PageSize.BaseShift)) return false;
        if (pages > _entries.Length) _entries = new PagemapFlags[pages];
        process.Pagemap.Read(address, _entries.AsSpan(0, pages));
        foreach (PagemapFlags entry in _entries.AsSpan(0, pages))
        {
            if ((entry & PagemapFlags.Present) == 0) return false;
        }

        // A page that goes in between ends the read early.
        return process.TryRead(address, destination);
    }

    private protected override (bool IsMapped, bool IsProtected)? EntryOf(GuestRegion region, long page)
    {
        if (kernel.ProcessOf(kernel.MemoryOf(region)) is not { } process || region.PlaceOf(page) is not { } address) return null;
        PagemapFlags entry = process.Entry(address, out _);
        return ((entry & PagemapFlags.Present) != 0, (entry & PagemapFlags.UffdWp) != 0);
    }
}
