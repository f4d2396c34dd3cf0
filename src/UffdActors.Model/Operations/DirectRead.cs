using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Operations;

/// <summary>Reads memory from outside, from the page cache where the page table has no entry: no fault, no message.</summary>
internal static class DirectRead
{
    /// <summary>
    /// Copies out a page that is there, mapped or not: also a swapped private page, and a cached page that this mapping does not map.
    /// Changes nothing: a hole stays a hole, an unmapped page stays unmapped. In a turn of the thread.
    /// </summary>
    /// <param name="caller">Thread.</param>
    /// <param name="page">Base page of the thread's address space.</param>
    /// <param name="withCache">False to leave out pages that are in the file's cache only.</param>
    /// <param name="destination">Where the bytes go; at most a page.</param>
    /// <returns>False if the page is absent, or poisoned; then nothing was written.</returns>
    public static bool TryReadPage(Caller caller, long page, bool withCache, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(caller);
        // The guard protects this read: punching a hole waits for the guards of a page even where it is not mapped.
        caller.Guard.Hold(page);
        bool found = TryCopy(caller.Mm, page, withCache, destination);
        caller.Guard.Release();
        return found;
    }

    private static bool TryCopy(AddressSpace mm, long page, bool withCache, Span<byte> destination)
    {
        if (mm.Map.Find(page) is not { } vma) return false;
        long head = vma.HeadOf(page);
        Entry entry = mm.EntryAt(head);
        uint folio = entry.Folio;
        switch (entry.Kind)
        {
            case EntryKind.Zero:
                destination.Clear();
                return true;
            case EntryKind.File or EntryKind.Anon:
                break;
            case EntryKind.None or EntryKind.WpMarker when withCache && vma.File is { } file:
                long index = vma.FileIndexOf(head);
                if (index >= file.EndIndex || file.SlotAt(index) is not { IsPresent: true } slot) return false;
                folio = slot.Folio;
                break;
            default:
                return false;
        }

        vma.Store.CopyOut(folio, (int)(page - head) << PageSize.BaseShift, destination);
        return true;
    }
}
