using UffdActors.Model.Memory;

namespace UffdActors.Model.Mapping;

/// <summary>
/// Which last-level page tables exist: each maps 2 MiB, and is allocated by the first fault or fill in that range, even one that installs
/// nothing. Only UFFDIO_MOVE depends on it: a source without a page table is ENOENT before the destination is looked at
/// (SEMANTICS 5.8.7).
/// </summary>
internal sealed class PageTables(WordTable entries)
{
    private const long Pages = 1L << WordTable.LeafBits;

    /// <summary>True if the 2 MiB around a page have a page table.</summary>
    public bool Exist(long page) => entries.HasLeaf(page);

    /// <summary>Makes the page table of a page, unless it is there.</summary>
    public void Make(long page)
    {
        if (!entries.HasLeaf(page)) entries.AddLeaf(page);
    }

    /// <summary>A range has been unmapped: frees the tables whose 2 MiB hold no mapping any more.</summary>
    /// <param name="range">What was unmapped; its entries are empty.</param>
    /// <param name="map">The mappings that are left.</param>
    public void FreeUnmapped(PageRange range, VmaMap map)
    {
        long start = Floor(range.Start);
        if (map.In(new PageRange(start, range.Start)).Length > 0) start += Pages;
        long end = Ceiling(range.End);
        if (map.In(new PageRange(range.End, end)).Length > 0) end -= Pages;
        if (start < end) entries.DropLeaves(start, end);
    }

    /// <summary>MADV_DONTNEED over a part of one VMA: frees a table that lies wholly in that part and is empty.</summary>
    public void FreeEmptied(PageRange range)
    {
        for (long table = Ceiling(range.Start); table + Pages <= range.End; table += Pages)
        {
            if (IsEmpty(table)) entries.DropLeaves(table, table + Pages);
        }
    }

    /// <summary>mremap has moved entries: the new place has a table wherever the old one had.</summary>
    public void MakeMoved(PageRange from, long to)
    {
        for (long page = from.Start; page < from.End; page = Floor(page) + Pages)
        {
            if (!Exist(page)) continue;
            long last = Math.Min(Floor(page) + Pages, from.End) - 1;
            Make(to + page - from.Start);
            Make(to + last - from.Start);
        }
    }

    /// <summary>fork has copied a VMA into these tables, which exist wherever the parent's do.</summary>
    public void MakeCopied(PageTables parent, PageRange range)
    {
        for (long page = range.Start; page < range.End; page = Floor(page) + Pages)
        {
            if (parent.Exist(page)) Make(page);
        }
    }

    /// <summary>
    /// mremap has left the old mapping in place. If both places begin at the same offset in 2 MiB, the tables wholly inside it were moved
    /// as such and are gone; the first, partial one only if nothing else is mapped in front of either place.
    /// </summary>
    /// <param name="from">The old place, a whole VMA.</param>
    /// <param name="to">First page of the new place.</param>
    /// <param name="map">The mappings, both places among them.</param>
    public void FreeMovedWhole(PageRange from, long to, VmaMap map)
    {
        if ((from.Start - to) % Pages != 0) return;
        long start = Ceiling(from.Start);
        if (start != from.Start && IsFree(map, from.Start) && IsFree(map, to)) start -= Pages;
        long end = Floor(from.End);
        if (start < end) entries.DropLeaves(start, end);
    }

    private static bool IsFree(VmaMap map, long before) => map.In(new PageRange(Floor(before), before)).Length == 0;

    private bool IsEmpty(long table)
    {
        for (long page = table; page < table + Pages;)
        {
            if (entries.Run(page, table + Pages, out long length) != 0) return false;
            page += length;
        }

        return true;
    }

    private static long Floor(long page) => page & ~(Pages - 1);

    private static long Ceiling(long page) => Floor(page + Pages - 1);
}
