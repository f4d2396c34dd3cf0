using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Operations.Filling;

/// <summary>The pages that core fills itself in one turn of the VMA's owner: extents, and one page after the other.</summary>
internal static class FillPages
{
    private const int Worthwhile = 1 << WordTable.LeafBits;

    /// <summary>Pages with content of their own that one turn fills at the most, which bounds the wait of the messages behind it.</summary>
    public const int PerTurn = 512;

    /// <summary>Fills up to the limit of a turn.</summary>
    /// <param name="fill">The call.</param>
    /// <param name="vma">The destination's mapping.</param>
    /// <param name="page">The first page.</param>
    /// <param name="end">The page behind the last.</param>
    /// <param name="wp">Map the pages write-protected.</param>
    /// <param name="source">The page that was read from the caller's memory, if there is one.</param>
    /// <param name="installed">Pages installed by this call, whether or not an error stopped it.</param>
    public static Errno Install(Fill fill, Vma vma, long page, long end, bool wp, ref SourcePage source, out long installed)
    {
        long first = page;
        Errno error = Errno.None;
        for (int turn = 0; page < end && turn < PerTurn; turn++)
        {
            page = Extent(vma, page, end, fill.Kind, fill.Source, wp);
            if (page == end) break;
            FillSource from = fill.Source.Advance((page << PageSize.BaseShift) - (long)fill.Start);
            error = FillPage.Core(vma, page, fill.Kind, from, ref source.Folio, wp);
            if (error != Errno.None) break;
            page += vma.Stride;
            if (fill.HasUserSource) break;
        }

        installed = page - first;
        return error;
    }

    // Content without folios goes into a large empty range at once, whatever its length. Returns the first page not installed.
    private static long Extent(Vma vma, long page, long end, FillKind kind, in FillSource source, bool wp)
    {
        if (!vma.IsAnonymous || end - page < Worthwhile
            || !(kind == FillKind.ZeroPage || (kind == FillKind.Copy && !vma.Store.HasIdentity)))
            return page;
        AddressSpace mm = vma.Owner.Mm;
        Entry entry = kind == FillKind.ZeroPage ? Entry.Zero : Entry.Anon(vma.Store.AllocateFrom(source)).WithWp(wp);
        while (page < end)
        {
            if (mm.Entries.Run(page, end, out long length) != 0) return page;
            long count = length;
            while (page + count < end && mm.Entries.Run(page + count, end, out length) == 0) count += length;
            mm.Entries.Fill(page, count, entry.Word);
            page += count;
        }

        return page;
    }
}
