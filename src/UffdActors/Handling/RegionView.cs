using UffdActors.Model.Mapping;

namespace UffdActors.Handling;

/// <summary>
/// Where the registered ranges are, by the events read so far: immutable, exchanged when an event has moved or taken a range. Handlers look
/// at it in the turn in which they issue a fill (RING R9). What has become of single pages is in <see cref="RegionPages"/>, which it leads
/// to.
/// </summary>
internal sealed class RegionView
{
    // By address, none over another: looked up at every fault, also where a guest has thousands of regions.
    private readonly ServedParts _regions;

    private RegionView(ServedParts regions) => _regions = regions;

    /// <summary>Nothing is registered.</summary>
    public static RegionView Empty { get; } = new(ServedParts.Empty);

    /// <summary>The regions, or what is left of them, by address.</summary>
    public ServedParts Regions => _regions;

    /// <summary>The regions of a list, none over another.</summary>
    public static RegionView Of(IEnumerable<ServedRegion> regions) => new(ServedParts.Of(regions.OrderBy(r => r.Range.Start)));

    /// <summary>The region that holds a page of the address space, or null.</summary>
    public ServedRegion? Find(long page)
    {
        ServedRegion? region = _regions.From(page).Part;
        return region is not null && region.Range.Start <= page ? region : null;
    }

    /// <summary>True if a region has a page of a range of the address space.</summary>
    public bool Meets(PageRange range) => _regions.From(range.Start).Part is { } region && region.Range.Start < range.End;

    /// <summary>The part of a region that holds a page of it, or null: it was unmapped.</summary>
    /// <param name="id">Number of the region.</param>
    /// <param name="page">Page of the region.</param>
    public ServedRegion? FindPart(int id, long page)
    {
        foreach (ServedRegion region in _regions)
        {
            if (region.Id == id && region.Range.Contains(region.Base + page)) return region;
        }

        return null;
    }

    /// <summary>True if a page of the address space was removed; of a larger page, if all of its base pages were.</summary>
    /// <param name="page">First base page.</param>
    /// <param name="count">Base pages in the page.</param>
    public bool IsRemoved(long page, int count = 1) => Find(page) is { } region && region.Pages.IsRemoved(region.PageOf(page), count);

    /// <summary>A region more.</summary>
    public RegionView With(ServedRegion region)
    {
        ServedParts.Cursor at = _regions.From(region.Range.Start);
        return new(_regions.Replace(at, at, [region]));
    }

    /// <summary>REMOVE: the pages are zeros from now on. Changes no view, and allocates nothing.</summary>
    /// <returns>True if all of the range is known; what is not is in <see cref="Unknown"/>.</returns>
    public bool Remove(PageRange range)
    {
        long known = 0;
        ServedParts.Cursor at = _regions.From(range.Start);
        for (; at.Part is { } region && region.Range.Start < range.End; at = at.Next)
        {
            PageRange part = region.Range.Intersect(range);
            PageRange pages = new(region.PageOf(part.Start), region.PageOf(part.End));
            region.Zeroed?.Announce(pages);
            region.Alias?.LeaveAsIs(pages.Start, pages.Count);
            region.Pages.Remove(pages.Start, pages.Count);
            known += part.Count;
        }

        return known == range.Count;
    }

    /// <summary>Everything that was removed, as ranges of the address space; ascending.</summary>
    public IEnumerable<PageRange> Removed() =>
        _regions.SelectMany(
            r => r.Pages.Removed(new PageRange(r.PageOf(r.Range.Start), r.PageOf(r.Range.End)))
                .Select(pages => new PageRange(r.Base + pages.Start, r.Base + pages.End)));

    /// <summary>The parts of a range of the address space in which no region lies; ascending.</summary>
    public IEnumerable<PageRange> Unknown(PageRange range)
    {
        long at = range.Start;
        ServedParts.Cursor next = _regions.From(range.Start);
        for (; next.Part is { } region && region.Range.Start < range.End; next = next.Next)
        {
            if (at < region.Range.Start) yield return new PageRange(at, region.Range.Start);
            at = region.Range.End;
        }

        if (at < range.End) yield return range with { Start = at };
    }

    /// <summary>UNMAP: the range is not ours any more.</summary>
    public RegionView AfterUnmap(PageRange range)
    {
        // Only what the range meets is looked at.
        ServedParts.Cursor first = _regions.From(range.Start);
        ServedParts.Cursor behind = first;
        List<ServedRegion> rest = [];
        for (; behind.Part is { } region && region.Range.Start < range.End; behind = behind.Next) Cut(region, range, rest);
        return first.Equals(behind) ? this : new(_regions.Replace(first, behind, rest));
    }

    /// <summary>
    /// REMAP: the range has a new address; its pages are the same. What was there before has gone, whether that was reported or not.
    /// </summary>
    public RegionView AfterRemap(PageRange from, long to)
    {
        long shift = to - from.Start;
        RegionView moved = AfterUnmap(from).AfterUnmap(new PageRange(to, to + from.Count));
        ServedParts.Cursor next = _regions.From(from.Start);
        for (; next.Part is { } region && region.Range.Start < from.End; next = next.Next)
        {
            PageRange part = region.Range.Intersect(from);
            moved = moved.With(
                region with { Range = new PageRange(part.Start + shift, part.End + shift), Base = region.Base + shift });
        }

        return moved;
    }

    private static void Cut(ServedRegion region, PageRange range, List<ServedRegion> rest)
    {
        if (region.Range.Start < range.Start) rest.Add(region with { Range = region.Range with { End = range.Start } });
        if (range.End < region.Range.End) rest.Add(region with { Range = region.Range with { Start = range.End } });
    }
}
