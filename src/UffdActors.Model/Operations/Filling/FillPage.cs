using UffdActors.Model.Backends;
using UffdActors.Model.Backends.Designs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Operations.Filling;

/// <summary>
/// Fills one page, in a turn of the VMA's owner: cache slot and entry together, or neither (RING R5; SEMANTICS 5.2). Operations that
/// install a page may replace a marker; those that write the entry alone need it to be empty.
/// </summary>
internal static class FillPage
{
    /// <summary>A page that a module has made or found.</summary>
    /// <param name="vma">The destination's mapping, of a module's memory in base pages.</param>
    /// <param name="page">The page.</param>
    /// <param name="kind">COPY, ZEROPAGE or CONTINUE.</param>
    /// <param name="folio">The folio; after a failure it is still the caller's, except of CONTINUE, where it is the cache's.</param>
    /// <param name="wp">Map it write-protected.</param>
    public static Errno Module(Vma vma, long page, FillKind kind, uint folio, bool wp)
    {
        AddressSpace mm = vma.Owner.Mm;
        MemoryFile file = vma.File!;
        long index = vma.FileIndexOf(page);
        if (index >= file.EndIndex) return Errno.EFAULT;
        if (kind == FillKind.Continue)
        {
            // A hole may have been punched after the hook's lookup. The lookup marks the page as used, even if it cannot be mapped then.
            CacheSlot slot = file.Use(index);
            if (!slot.IsPresent) return Errno.EFAULT;
            folio = slot.Folio;
        }

        if (mm.EntryAt(page).HoldsPage) return Errno.EEXIST;
        if (kind != FillKind.Continue)
        {
            Errno added = OpsDesign.Of(mm.Machine).TryAdd(vma, page, folio);
            if (added != Errno.None) return added;
        }

        mm.SetEntry(page, Entry.File(folio).WithWp(wp));
        return Errno.None;
    }

    /// <summary>A page that core fills itself: private memory, POISON, and huge pages.</summary>
    /// <param name="vma">The destination's mapping.</param>
    /// <param name="page">The page; of a huge page, its first base page.</param>
    /// <param name="kind">What to do.</param>
    /// <param name="source">Source of a COPY, unless <paramref name="loose"/> is there.</param>
    /// <param name="loose">A folio with the content, if the source had to be read first; none once it is installed.</param>
    /// <param name="wp">Map it write-protected.</param>
    public static Errno Core(Vma vma, long page, FillKind kind, in FillSource source, ref uint loose, bool wp)
    {
        AddressSpace mm = vma.Owner.Mm;
        Entry entry = mm.EntryAt(page);
        if (!vma.IsHuge && vma.File is { } file && vma.FileIndexOf(page) >= file.EndIndex) return Errno.EFAULT;
        switch (kind)
        {
            case FillKind.Poison:
                if (entry.Kind != EntryKind.None) return Errno.EEXIST;
                mm.SetEntry(page, Entry.Poison);
                return Errno.None;
            case FillKind.ZeroPage:
                if (entry.Kind != EntryKind.None) return Errno.EEXIST;
                mm.SetEntry(page, Entry.Zero);
                return Errno.None;
            case FillKind.Continue:
                return HugeContinue(mm, vma, page, entry, wp);
            default:
                if (entry.HoldsPage) return Errno.EEXIST;
                return vma.IsHuge && vma.IsShared
                    ? HugeShared(mm, vma, page, source, ref loose, wp)
                    : Private(mm, vma, page, source, ref loose, wp);
        }
    }

    private static Errno Private(AddressSpace mm, Vma vma, long page, in FillSource source, ref uint loose, bool wp)
    {
        uint folio = loose != FolioStore.None ? loose : vma.Store.AllocateFrom(source);
        // With an empty pool of huge pages the real kernel returns EEXIST, although the page is missing (SEMANTICS 5.3.5).
        if (folio == FolioStore.None && vma.Store.HasIdentity) return vma.IsHuge ? Errno.EEXIST : Errno.ENOMEM;
        loose = FolioStore.None;
        mm.SetEntry(page, Entry.Anon(folio).WithWp(wp));
        return Errno.None;
    }

    private static Errno HugeShared(AddressSpace mm, Vma vma, long page, in FillSource source, ref uint loose, bool wp)
    {
        MemoryFile file = vma.File!;
        long index = vma.FileIndexOf(page);
        if (file.SlotAt(index).IsPresent) return Errno.EEXIST;
        uint folio = loose != FolioStore.None ? loose : vma.Store.AllocateFrom(source);
        if (folio == FolioStore.None && vma.Store.HasIdentity) return Errno.EEXIST;
        loose = folio;
        if (index >= file.EndIndex) return Errno.EFAULT;
        if (!file.TryAdd(index, CacheSlot.Page(folio))) return Errno.EEXIST;
        loose = FolioStore.None;
        mm.SetEntry(page, Entry.File(folio).WithWp(wp));
        return Errno.None;
    }

    private static Errno HugeContinue(AddressSpace mm, Vma vma, long page, Entry entry, bool wp)
    {
        CacheSlot slot = vma.File!.SlotAt(vma.FileIndexOf(page));
        if (!slot.IsPresent) return Errno.EFAULT;
        if (entry.IsPresent) return Errno.EEXIST;
        mm.SetEntry(page, Entry.File(slot.Folio).WithWp(wp));
        return Errno.None;
    }
}
