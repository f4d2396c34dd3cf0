using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Paging;

/// <summary>
/// Swaps pages out (SEMANTICS 4.1, 4.4). A private page becomes a swap entry, which keeps content and write protection; a page of a
/// file leaves the mapping, and the cache slot still counts as a page. In a turn of the owner, or with it held.
/// </summary>
/// <remarks>
/// Where the content is kept cannot be observed: it stays in its folio. MADV_PAGEOUT skips pages that other processes map too.
/// </remarks>
internal static class SwapOut
{
    /// <summary>Swaps out what can be in a range of base pages.</summary>
    public static void Run(Vma vma, PageRange range)
    {
        AddressSpace mm = vma.Owner.Mm;
        for (long page = range.Start; page < range.End;)
        {
            Entry entry = new(mm.Entries.Run(page, range.End, out long length));
            switch (entry.Kind)
            {
                case EntryKind.Anon when !IsHeldByOthers(vma.Store, entry):
                    mm.Entries.Fill(page, length, entry.WithSwapped(true).Word);
                    break;
                case EntryKind.File:
                    length = 1;
                    // The entry becomes the same as after MADV_DONTNEED: empty, or a marker.
                    if (vma.File!.Module.Facts.CanSwap && !IsMappedElsewhere(vma, page))
                        Zap.Run(vma, new PageRange(page, page + 1), ZapCause.DontNeed);
                    break;
            }

            page += length;
        }
    }

    // A stamp has no reference count; the shared bit of the entry is kept instead.
    private static bool IsHeldByOthers(FolioStore store, Entry entry) => store.HasIdentity ? store.IsShared(entry.Folio) : entry.IsShared;

    private static bool IsMappedElsewhere(Vma vma, long page)
    {
        long index = vma.FileIndexOf(page);
        foreach (AddressSpace mm in vma.File!.Mappers)
        {
            foreach (Vma other in mm.Map.Vmas)
            {
                if (other.File != vma.File) continue;
                long at = other.Range.Start - other.Offset + index;
                bool isSame = mm == vma.Owner.Mm && at == page;
                if (!isSame && other.Range.Contains(at) && mm.EntryAt(at).Kind == EntryKind.File) return true;
            }
        }

        return false;
    }
}
