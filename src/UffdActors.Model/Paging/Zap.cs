using UffdActors.Model.Mapping;

namespace UffdActors.Model.Paging;

/// <summary>
/// Empties entries, and decides which markers remain: in memory of a file, write protection stays when the page is gone (SEMANTICS 4.4,
/// 4.6). In a turn of the owner, or with it held.
/// </summary>
internal static class Zap
{
    /// <summary>Empties the entries of a range. Private folios are freed once no thread can be using them.</summary>
    public static void Run(Vma vma, PageRange range, ZapCause cause)
    {
        AddressSpace mm = vma.Owner.Mm;
        for (long page = range.Start; page < range.End;)
        {
            Entry entry = new(mm.Entries.Run(page, range.End, out long length));
            long count = vma.IsHuge ? vma.Stride : length;
            Entry after = After(vma, entry, cause);
            if (after != entry)
            {
                if (vma.IsHuge) mm.SetEntry(page, after);
                else mm.Entries.Fill(page, count, after.Word);
                if (entry.Kind == EntryKind.Anon) vma.Owner.FreeLater(vma.Store, entry.Folio, new PageRange(page, page + vma.Stride));
            }

            page += count;
        }
    }

    private static Entry After(Vma vma, Entry entry, ZapCause cause)
    {
        if (cause == ZapCause.Unmap || (cause == ZapCause.DontNeed && vma.IsAnonymous)) return Entry.None;
        // Without WP mode the bit of a base page is stale and dropped with the page; that of a huge page leaves a marker all the same.
        Entry gone = entry.IsWp && (vma.HasWp || vma.IsHuge) ? Entry.WpMarker : Entry.None;
        switch (entry.Kind)
        {
            case EntryKind.None:
                return entry;
            case EntryKind.WpMarker:
                return vma.IsHuge && cause == ZapCause.Truncate ? Entry.None : entry;
            case EntryKind.Poison:
                return cause == ZapCause.Punch && !vma.IsHuge ? entry : Entry.None;
            case EntryKind.Anon when cause == ZapCause.Punch && !vma.IsHuge:
                return entry; // a private copy is not the file's any more
            default:
                return vma.IsHuge && cause == ZapCause.Truncate ? Entry.None : gone;
        }
    }
}
