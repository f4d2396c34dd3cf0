using UffdActors.Model.Mapping;

namespace UffdActors.Handling;

/// <summary>
/// A set of pages as ranges, none over another. There may be thousands, and they may be cut into more, so every change looks for its place
/// and copies nothing but what lies behind it.
/// </summary>
/// <remarks>Any thread.</remarks>
internal sealed class PageRanges
{
    private readonly List<PageRange> _ranges = [];

    // Nothing was ever added outside of these, so most questions are answered without the lock.
    private long _lowest = long.MaxValue;
    private long _highest = long.MinValue;

    /// <summary>Number of ranges.</summary>
    public int Count
    {
        get
        {
            lock (_ranges) return _ranges.Count;
        }
    }

    /// <summary>Pages in all of them.</summary>
    public long Pages
    {
        get
        {
            lock (_ranges) return _ranges.Sum(r => r.Count);
        }
    }

    /// <summary>The ranges as they are now; ascending.</summary>
    public IReadOnlyList<PageRange> All
    {
        get
        {
            lock (_ranges) return [.. _ranges];
        }
    }

    /// <summary>True if a page is in one of them.</summary>
    public bool Contains(long page)
    {
        lock (_ranges)
        {
            int at = FirstEndingBehind(page);
            return at < _ranges.Count && _ranges[at].Start <= page;
        }
    }

    /// <summary>True if one of them has a page of a range.</summary>
    public bool Intersects(PageRange range)
    {
        if (range.End <= Volatile.Read(ref _lowest) || range.Start >= Volatile.Read(ref _highest)) return false;
        lock (_ranges)
        {
            int at = FirstEndingBehind(range.Start);
            return at < _ranges.Count && _ranges[at].Start < range.End;
        }
    }

    /// <summary>What of a range is in none of them; ascending.</summary>
    public IReadOnlyList<PageRange> Others(PageRange range)
    {
        List<PageRange> others = [];
        long at = range.Start;
        lock (_ranges)
        {
            for (int i = FirstEndingBehind(range.Start); i < _ranges.Count && _ranges[i].Start < range.End; i++)
            {
                if (at < _ranges[i].Start) others.Add(new PageRange(at, _ranges[i].Start));
                at = _ranges[i].End;
            }
        }

        if (at < range.End) others.Add(range with { Start = at });
        return others;
    }

    /// <summary>Adds a range, in the place of whatever was there.</summary>
    public void Add(PageRange range)
    {
        if (range.IsEmpty) return;
        lock (_ranges)
        {
            Cut(range);
            _ranges.Insert(FirstEndingBehind(range.Start), range);
            if (range.Start < _lowest) Volatile.Write(ref _lowest, range.Start);
            if (range.End > _highest) Volatile.Write(ref _highest, range.End);
        }
    }

    /// <summary>Takes a range out.</summary>
    public void Remove(PageRange range)
    {
        if (range.IsEmpty) return;
        lock (_ranges) Cut(range);
    }

    private void Cut(PageRange range)
    {
        int first = FirstEndingBehind(range.Start);
        int end = first;
        while (end < _ranges.Count && _ranges[end].Start < range.End) end++;
        if (first == end) return;
        PageRange front = _ranges[first] with { End = range.Start };
        PageRange rear = _ranges[end - 1] with { Start = range.End };
        _ranges.RemoveRange(first, end - first);
        if (!rear.IsEmpty) _ranges.Insert(first, rear);
        if (!front.IsEmpty) _ranges.Insert(first, front);
    }

    // Number of ranges that lie wholly before a page.
    private int FirstEndingBehind(long page)
    {
        int low = 0;
        int high = _ranges.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_ranges[middle].End > page) high = middle;
            else low = middle + 1;
        }

        return low;
    }
}
