using UffdActors.Linux.Memory;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.World;

/// <summary>Reads pages that the page table says are mapped; what is not mapped is not touched, so nothing faults.</summary>
internal sealed class LiveReader(LiveKernel kernel) : GuestReader
{
    private readonly PagemapFlags[] _entry = new PagemapFlags[1];

    private protected override bool TryReadPage(GuestRegion region, long page, Span<byte> destination)
    {
        long offset = page << PageSize.BaseShift;
        GuestMemory guest = kernel.MemoryOf(region).Here;
        kernel.Pagemap.Read(region.Address + (ulong)offset, _entry);
        if ((_entry[0] & PagemapFlags.Present) == 0) return false;
        guest.Read(offset, destination);
        return true;
    }
}
