using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Paging;

/// <summary>
/// Fault-around: a read fault also maps the cached neighbours in an aligned window, at no further cost. It comes before the userfault
/// decision, so it happens even if the access then blocks or gets SIGBUS (SEMANTICS 4.7).
/// </summary>
internal static class FaultAround
{
    /// <summary>True for a read of memory that does it, registered for neither WP nor MINOR.</summary>
    public static bool Applies(Vma vma, AccessKind kind) =>
        (kind & AccessKind.Write) == 0
        && (vma.Modes & (RegisterModes.WriteProtect | RegisterModes.Minor)) == 0
        && vma.File is { Module.Facts.HasFaultAround: true }
        && vma.Owner.Mm.Machine.Profile.FaultAroundBytes > 0;

    /// <summary>True if there is a page in the window that would be mapped.</summary>
    public static bool HasWork(AddressSpace mm, Vma vma, long page)
    {
        PageRange window = WindowOf(vma, page);
        for (long at = window.Start; at < window.End; at++)
        {
            if (IsMappable(mm, vma, at, out _)) return true;
        }

        return false;
    }

    /// <summary>Maps what can be mapped. In a turn of the VMA's owner.</summary>
    public static void Run(AddressSpace mm, Vma vma, long page)
    {
        PageRange window = WindowOf(vma, page);
        for (long at = window.Start; at < window.End; at++)
        {
            if (IsMappable(mm, vma, at, out CacheSlot slot)) mm.SetEntry(at, Entry.File(slot.Folio));
        }
    }

    private static bool IsMappable(AddressSpace mm, Vma vma, long page, out CacheSlot slot)
    {
        slot = default;
        if (mm.EntryAt(page).Word != 0) return false;
        slot = vma.File!.SlotAt(vma.FileIndexOf(page));
        return slot.IsUpToDate;
    }

    /// <summary>
    /// From the start of the aligned window or of the mapping, whichever is later, on for as many pages as a window has; within the
    /// mapping, the file, and the page-table page of the access.
    /// </summary>
    private static PageRange WindowOf(Vma vma, long page)
    {
        long pages = vma.Owner.Mm.Machine.Profile.FaultAroundBytes >> PageSize.BaseShift;
        long start = Math.Max(page & ~(pages - 1), vma.Range.Start);
        long tableEnd = (page | ((1L << WordTable.LeafBits) - 1)) + 1;
        long fileEnd = vma.Range.Start - vma.Offset + vma.File!.EndIndex;
        return new PageRange(start, Math.Min(Math.Min(start + pages, tableEnd), Math.Min(fileEnd, vma.Range.End)));
    }
}
