using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Operations;

/// <summary>A look at memory from outside, past the page table where that has nothing: no fault, no message.</summary>
internal static class DirectRead
{
    /// <summary>
    /// Copies out a page that is there, mapped or not: a swapped page of its own, and a page of the cache that this mapping has lost, too.
    /// Changes nothing: a hole stays one, and what was not mapped is not mapped now. In a turn of the thread.
    /// </summary>
    /// <param name="caller">Thread.</param>
    /// <param name="page">Base page of the thread's address space.</param>
    /// <param name="withCache">False to leave out pages that are in the file's cache only.</param>
    /// <param name="destination">Where the bytes go; at most a page.</param>
    /// <returns>False if the page is absent, or poisoned; then nothing was written.</returns>
    public static bool TryReadPage(Caller caller, long page, bool withCache, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(caller);
        // Punching a hole waits for the guards of a mapping's page, whether it is mapped or not.
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
