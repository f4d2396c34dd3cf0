using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Conformance.Cells;

/// <summary>State of a page without its bytes: everything that decides on the result of an operation.</summary>
/// <param name="Entry">Kind of the entry.</param>
/// <param name="IsProtected">A present page is write-protected.</param>
/// <param name="Cache">What the cache holds.</param>
/// <param name="IsSwapped">Its content is on the swap device.</param>
internal readonly record struct PageStanding(EntryKind Entry, bool IsProtected, CacheStanding Cache, bool IsSwapped = false)
{
    /// <summary>State of a mapped page.</summary>
    /// <param name="mm">The process.</param>
    /// <param name="page">First base page of the page.</param>
    /// <returns>Null if nothing is mapped there.</returns>
    public static PageStanding? Of(AddressSpace mm, long page)
    {
        if (mm.Map.Find(page) is not { } vma) return null;
        Entry entry = mm.EntryAt(page);
        CacheStanding cache = vma.File is { } file ? CacheOf(file, vma.FileIndexOf(page)) : CacheStanding.None;
        return new PageStanding(entry.Kind, entry is { IsPresent: true, IsWp: true }, cache, entry.IsSwapped);
    }

    private static CacheStanding CacheOf(MemoryFile file, long index)
    {
        CacheSlot slot = file.SlotAt(index);
        if (slot.IsPresent) return slot.IsUpToDate ? CacheStanding.Page : CacheStanding.Allocated;
        return index >= file.EndIndex ? CacheStanding.BeyondEnd : CacheStanding.Hole;
    }
}
