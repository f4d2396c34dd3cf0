using UffdActors.Model.Mapping;

namespace UffdActors.Model.Paging;

/// <summary>
/// Sets or clears userfaultfd write protection in the entries of a range, and what mprotect makes of pages that have it. In a turn of the
/// owner, or with it held.
/// </summary>
internal static class Protection
{
    public static void Change(Vma vma, PageRange range, bool protect)
    {
        AddressSpace mm = vma.Owner.Mm;
        // Anonymous memory keeps markers on empty entries only with WP_UNPOPULATED or WP_ASYNC; other memory always does.
        bool markers = !vma.IsAnonymous || (vma.Context!.Features & (UffdFeatures.WpUnpopulated | UffdFeatures.WpAsync)) != 0;
        for (long page = range.Start; page < range.End;)
        {
            Entry entry = new(mm.Entries.Run(page, range.End, out long length));
            long count = vma.IsHuge ? vma.Stride : length;
            Entry changed = Changed(entry, protect, markers);
            if (changed != entry)
            {
                if (vma.IsHuge) mm.SetEntry(page, changed);
                else mm.Entries.Fill(page, count, changed.Word);
            }

            page += count;
        }
    }

    /// <summary>
    /// What a change of the mapping's protection does to pages with the bit (SEMANTICS 4.6.3): without W those that need no copy become
    /// writable if the mapping does, and otherwise none is. Before the change is published.
    /// </summary>
    public static void AfterMprotect(Vma vma, PageRange range, bool writable)
    {
        AddressSpace mm = vma.Owner.Mm;
        for (long page = range.Start; page < range.End;)
        {
            Entry entry = new(mm.Entries.Run(page, range.End, out long length));
            long count = vma.IsHuge ? vma.Stride : length;
            if (entry.IsWp)
            {
                bool passes = writable && !vma.HasWp && !entry.IsSwapped && (vma.IsShared || !vma.IsHuge) && !Mmu.NeedsCopy(vma, entry);
                Entry changed = passes ? entry.WithWritableWp() : entry.WithWp(true);
                if (vma.IsHuge) mm.SetEntry(page, changed);
                else mm.Entries.Fill(page, count, changed.Word);
            }

            page += count;
        }
    }

    private static Entry Changed(Entry entry, bool protect, bool markers) => entry.Kind switch
    {
        EntryKind.None => protect && markers ? Entry.WpMarker : entry,
        EntryKind.WpMarker => protect ? entry : Entry.None,
        EntryKind.Poison => entry,
        _ => entry.WithWp(protect),
    };
}
