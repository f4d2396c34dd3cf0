using System.Collections.Immutable;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>How the faults of a region are resolved.</summary>
internal enum ResolveBy
{
    /// <summary>Missing pages are copied in, or mapped as zero pages.</summary>
    Copy,

    /// <summary>Pages of the cache are written through an alias and then mapped.</summary>
    Continue,

    /// <summary>Pages of the cache are right as they are, and only mapped.</summary>
    ContinueAsIs,
}

/// <summary>A registered range as handlers see it.</summary>
/// <param name="Id">Number of the region; the same on both sides of a migration.</param>
/// <param name="Range">Where it is mapped, in base pages.</param>
/// <param name="Base">Page of the address space that is page 0 of the region; differs from the start once parts are gone or moved.</param>
/// <param name="By">How its faults are resolved.</param>
/// <param name="Received">Pages of the region that have been filled.</param>
/// <param name="Alias">The second mapping through which content goes in; only for <see cref="ResolveBy.Continue"/>.</param>
/// <param name="PageShift">log2 of its own page size: what one fault is about, and one fill spans.</param>
internal sealed record ServedRegion(
    int Id, PageRange Range, long Base, ResolveBy By, PageBitmap Received, AliasPages? Alias = null, int PageShift = PageSize.BaseShift)
{
    /// <summary>Pages that have gone without a write, for the dirty set; null where nobody asks for it.</summary>
    public ZeroedPages? Zeroed { get; init; }

    /// <summary>Base pages in a page of the region's own size.</summary>
    public int UnitPages => 1 << (PageShift - PageSize.BaseShift);

    /// <summary>Page within the region of a page of the address space.</summary>
    public long PageOf(long page) => page - Base;

    /// <summary>First address of the region's own page that holds an address.</summary>
    public ulong HeadOf(ulong address) => address >> PageShift << PageShift;
}

/// <summary>
/// What the reader knows of the registered ranges: immutable, exchanged when an event has been applied. Handlers look at it in the turn
/// in which they issue a fill (rule R9).
/// </summary>
internal sealed class RegionView
{
    private readonly ImmutableArray<ServedRegion> _regions;
    private readonly ImmutableArray<PageRange> _removed;

    private RegionView(ImmutableArray<ServedRegion> regions, ImmutableArray<PageRange> removed, long epoch)
    {
        _regions = regions;
        _removed = removed;
        Epoch = epoch;
    }

    /// <summary>Nothing is registered.</summary>
    public static RegionView Empty { get; } = new([], [], 0);

    /// <summary>Grows with every event that was applied.</summary>
    public long Epoch { get; }

    /// <summary>The regions.</summary>
    public ImmutableArray<ServedRegion> Regions => _regions;

    /// <summary>The region that holds a page of the address space, or null.</summary>
    public ServedRegion? Find(long page)
    {
        foreach (ServedRegion region in _regions)
        {
            if (region.Range.Contains(page)) return region;
        }

        return null;
    }

    /// <summary>
    /// What was removed (MADV_DONTNEED, MADV_REMOVE), in base pages: what it held before must never come back; it is zeros now. Ranges that
    /// touch are one.
    /// </summary>
    public ImmutableArray<PageRange> Removed => _removed;

    /// <summary>True if a page of the address space was removed; of a larger page, if all of its base pages were.</summary>
    /// <param name="page">First base page.</param>
    /// <param name="count">Base pages in the page.</param>
    public bool IsRemoved(long page, int count = 1)
    {
        foreach (PageRange range in _removed)
        {
            if (range.Start <= page && page + count <= range.End) return true;
        }

        return false;
    }

    /// <summary>A region more.</summary>
    public RegionView With(ServedRegion region) => new(_regions.Add(region), _removed, Epoch + 1);

    /// <summary>Notes for the dirty set, and for readers of the cache, that pages are about to go.</summary>
    public void AnnounceRemoved(PageRange range)
    {
        foreach (ServedRegion region in _regions)
        {
            if (region is { Zeroed: null, Alias: null } || region.Range.Intersect(range) is not { IsEmpty: false } part) continue;
            long page = region.PageOf(part.Start);
            region.Zeroed?.Announce(new PageRange(page, page + part.Count));
            region.Alias?.LeaveAsIs(page, part.Count);
        }
    }

    /// <summary>REMOVE: the pages are zeros from now on.</summary>
    public RegionView AfterRemove(PageRange range) => new(_regions, Join(_removed, range), Epoch + 1);

    /// <summary>UNMAP: the range is not ours any more.</summary>
    public RegionView AfterUnmap(PageRange range)
    {
        ImmutableArray<ServedRegion>.Builder rest = ImmutableArray.CreateBuilder<ServedRegion>();
        foreach (ServedRegion region in _regions) Cut(region, range, rest);
        return new(rest.ToImmutable(), _removed, Epoch + 1);
    }

    /// <summary>REMAP: the range has a new address; its pages are the same.</summary>
    public RegionView AfterRemap(PageRange from, long to)
    {
        long shift = to - from.Start;
        ImmutableArray<ServedRegion>.Builder regions = ImmutableArray.CreateBuilder<ServedRegion>();
        ImmutableArray<PageRange> removed = _removed;
        foreach (ServedRegion region in _regions)
        {
            Cut(region, from, regions);
            PageRange moved = region.Range.Intersect(from);
            if (!moved.IsEmpty)
            {
                PageRange target = new(moved.Start + shift, moved.End + shift);
                regions.Add(region with { Range = target, Base = region.Base + shift });
            }
        }

        foreach (PageRange range in _removed)
        {
            PageRange moved = range.Intersect(from);
            if (!moved.IsEmpty) removed = Join(removed, new PageRange(moved.Start + shift, moved.End + shift));
        }

        return new(regions.ToImmutable(), removed, Epoch + 1);
    }

    private static void Cut(ServedRegion region, PageRange range, ImmutableArray<ServedRegion>.Builder rest)
    {
        if (!region.Range.Intersects(range))
        {
            rest.Add(region);
            return;
        }

        if (region.Range.Start < range.Start) rest.Add(region with { Range = region.Range with { End = range.Start } });
        if (range.End < region.Range.End) rest.Add(region with { Range = region.Range with { Start = range.End } });
    }

    private static ImmutableArray<PageRange> Join(ImmutableArray<PageRange> ranges, PageRange added)
    {
        ImmutableArray<PageRange>.Builder result = ImmutableArray.CreateBuilder<PageRange>();
        foreach (PageRange range in ranges)
        {
            if (range.End < added.Start || range.Start > added.End) result.Add(range);
            else added = new PageRange(Math.Min(range.Start, added.Start), Math.Max(range.End, added.End));
        }

        result.Add(added);
        return result.ToImmutable();
    }
}
