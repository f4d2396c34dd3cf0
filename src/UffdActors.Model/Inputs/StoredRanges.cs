using UffdActors.Model.Memory;

namespace UffdActors.Model.Inputs;

/// <summary>
/// Which pages of a file are stored, and which are in holes and read as zeros. A few bytes for each stored range. Read only.
/// </summary>
public sealed class StoredRanges
{
    // Ascending, none touching another: first pages, and pages behind.
    private readonly long[] _starts;
    private readonly long[] _ends;

    /// <summary>Counts ranges in pages.</summary>
    /// <param name="ranges">Bytes that are stored, in order.</param>
    /// <param name="length">Bytes of the file.</param>
    public StoredRanges(IEnumerable<(long Offset, long Bytes)> ranges, long length)
    {
        List<long> starts = [];
        List<long> ends = [];
        foreach ((long offset, long bytes) in ranges)
        {
            if (offset % PageSize.Base != 0) PartOfPage ??= offset;
            if ((offset + bytes) % PageSize.Base != 0 && offset + bytes != length) PartOfPage ??= offset + bytes;
            long start = offset >> PageSize.BaseShift;
            long end = PageSize.PagesFor(offset + bytes);
            if (ends.Count > 0 && ends[^1] >= start)
            {
                ends[^1] = Math.Max(ends[^1], end);
                continue;
            }

            starts.Add(start);
            ends.Add(end);
        }

        _starts = [.. starts];
        _ends = [.. ends];
        Pages = _ends.Sum() - _starts.Sum();
    }

    /// <summary>A byte within a page at which a stored range begins or ends; null if there is none but the end of the file.</summary>
    public long? PartOfPage { get; }

    /// <summary>Pages that are stored, in part or in full.</summary>
    public long Pages { get; }

    /// <summary>Whether a page is stored, and how many from it on are as it is.</summary>
    /// <param name="page">First page.</param>
    /// <param name="most">The most to count, at least 1.</param>
    public (bool IsStored, int Pages) RunAt(long page, int most)
    {
        int at = Array.BinarySearch(_ends, page + 1);
        if (at < 0) at = ~at;
        if (at == _ends.Length) return (false, most);
        bool isStored = _starts[at] <= page;
        return (isStored, (int)Math.Min(most, (isStored ? _ends[at] : _starts[at]) - page));
    }
}
