using UffdActors.Actors;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;

namespace UffdActors.Worlds;

/// <summary>Reads pages that are there, as the real kernel's <c>/proc/PID/mem</c> and the memory's own file do.</summary>
internal sealed class ModelReader(VmRoot vm, Caller thread) : GuestReader(vm)
{
    private protected override bool TryReadPage(GuestRegion region, long page, bool withCache, Span<byte> destination) =>
        region.PlaceOf(page) is { } place && DirectRead.TryReadPage(thread, PageSize.PageOf(place), withCache, destination);

    // In the model a page costs no system call.
    private protected override bool TryReadMapped(GuestRegion region, long firstPage, Span<byte> destination) => false;

    private protected override (bool IsMapped, bool IsProtected)? EntryOf(GuestRegion region, long page) =>
        region.PlaceOf(page) is { } place ? EntryOf(thread.Mm, place) : null;

    /// <summary>What the page table has of a page: whether it is mapped, and protected; null if nothing is mapped there.</summary>
    internal static (bool IsMapped, bool IsProtected)? EntryOf(AddressSpace mm, ulong address)
    {
        if (mm.Map.Find(PageSize.PageOf(address)) is not { } vma) return null;
        Entry entry = mm.EntryAt(vma.HeadOf(PageSize.PageOf(address)));
        return (entry.IsPresent, entry.IsWp || entry.Kind == EntryKind.WpMarker);
    }
}
