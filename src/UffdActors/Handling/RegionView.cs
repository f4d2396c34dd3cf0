using System.Collections.Immutable;
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
    private readonly ImmutableArray<ServedRegion> _regions;

    private RegionView(ImmutableArray<ServedRegion> regions) => _regions = regions;

    /// <summary>Nothing is registered.</summary>
    public static RegionView Empty { get; } = new([]);

    /// <summary>The regions, or what is left of them, by address.</summary>
    public ImmutableArray<ServedRegion> Regions => _regions;

    /// <summary>The regions of a list, none over another.</summary>
    public static RegionView Of(IEnumerable<ServedRegion> regions) => new([.. regions.OrderBy(r => r.Range.Start)]);

    /// <summary>The region that holds a page of the address space, or null.</summary>
    public ServedRegion? Find(long page)
    {
        int at = FirstEndingBehind(page);
        return at < _regions.Length && _regions[at].Range.Start <= page ? _regions[at] : null;
    }

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
    public RegionView With(ServedRegion region) => new(_regions.Insert(FirstEndingBehind(region.Range.Start), region));

    /// <summary>REMOVE: the pages are zeros from now on. Changes no view, and allocates nothing.</summary>
    /// <returns>True if all of the range is known; what is not is in <see cref="Unknown"/>.</returns>
    public bool Remove(PageRange range)
    {
        long known = 0;
        for (int i = FirstEndingBehind(range.Start); i < _regions.Length && _regions[i].Range.Start < range.End; i++)
        {
            PageRange part = _regions[i].Range.Intersect(range);
            PageRange pages = new(_regions[i].PageOf(part.Start), _regions[i].PageOf(part.End));
            _regions[i].Zeroed?.Announce(pages);
            _regions[i].Alias?.LeaveAsIs(pages.Start, pages.Count);
            _regions[i].Pages.Remove(pages.Start, pages.Count);
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
        for (int i = FirstEndingBehind(range.Start); i < _regions.Length && _regions[i].Range.Start < range.End; i++)
        {
            if (at < _regions[i].Range.Start) yield return new PageRange(at, _regions[i].Range.Start);
            at = _regions[i].Range.End;
        }

        if (at < range.End) yield return range with { Start = at };
    }

    /// <summary>UNMAP: the range is not ours any more.</summary>
    public RegionView AfterUnmap(PageRange range)
    {
        // Only what the range meets is looked at; the others are copied as they are.
        int first = FirstEndingBehind(range.Start);
        int end = first;
        while (end < _regions.Length && _regions[end].Range.Start < range.End) end++;
        if (first == end) return this;
        ImmutableArray<ServedRegion>.Builder rest = ImmutableArray.CreateBuilder<ServedRegion>(_regions.Length + 1);
        rest.AddRange(_regions.AsSpan(0, first));
        for (int i = first; i < end; i++) Cut(_regions[i], range, rest);
        rest.AddRange(_regions.AsSpan(end, _regions.Length - end));
        return new(rest.DrainToImmutable());
    }

    /// <summary>
    /// REMAP: the range has a new address; its pages are the same. What was there before has gone, whether that was reported or not.
    /// </summary>
    public RegionView AfterRemap(PageRange from, long to)
    {
        long shift = to - from.Start;
        List<ServedRegion> regions = [.. AfterUnmap(from).AfterUnmap(new PageRange(to, to + from.Count))._regions];
        for (int i = FirstEndingBehind(from.Start); i < _regions.Length && _regions[i].Range.Start < from.End; i++)
        {
            PageRange moved = _regions[i].Range.Intersect(from);
            regions.Add(
                _regions[i] with { Range = new PageRange(moved.Start + shift, moved.End + shift), Base = _regions[i].Base + shift });
        }

        return Of(regions);
    }

    private static void Cut(ServedRegion region, PageRange range, ImmutableArray<ServedRegion>.Builder rest)
    {
        if (region.Range.Start < range.Start) rest.Add(region with { Range = region.Range with { End = range.Start } });
        if (range.End < region.Range.End) rest.Add(region with { Range = region.Range with { Start = range.End } });
    }

    // Number of regions that lie wholly before a page.
    private int FirstEndingBehind(long page)
    {
        int low = 0;
        int high = _regions.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_regions[middle].Range.End > page) high = middle;
            else low = middle + 1;
        }

        return low;
    }
}
