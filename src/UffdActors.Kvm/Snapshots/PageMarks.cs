using UffdActors.Model.Mapping;

namespace UffdActors.Kvm.Snapshots;

/// <summary>A mark for each page, set by any thread.</summary>
/// <param name="pages">Base pages.</param>
internal sealed class PageMarks(long pages)
{
    private const int BitsPerWord = 64;
    private readonly long[] _words = new long[(pages + BitsPerWord - 1) / BitsPerWord];

    /// <summary>Marks that are set.</summary>
    public long Count
    {
        get
        {
            long count = 0;
            for (int i = 0; i < _words.Length; i++) count += long.PopCount(Volatile.Read(ref _words[i]));
            return count;
        }
    }

    /// <summary>Sets a mark; a full barrier.</summary>
    /// <returns>False if it was set.</returns>
    public bool Set(long page) => (Interlocked.Or(ref _words[page / BitsPerWord], Bit(page)) & Bit(page)) == 0;

    /// <summary>True if a mark is set.</summary>
    public bool Contains(long page) => (Volatile.Read(ref _words[page / BitsPerWord]) & Bit(page)) != 0;

    /// <summary>Sets all marks that another one has set.</summary>
    public void SetAll(PageMarks others)
    {
        for (int i = 0; i < _words.Length; i++) _ = Interlocked.Or(ref _words[i], Volatile.Read(ref others._words[i]));
    }

    /// <summary>Sets all marks of a range.</summary>
    public void SetAll(PageRange range)
    {
        for (long page = range.Start; page < range.End; page++) _ = Set(page);
    }

    /// <summary>Takes the marks away; one that is set meanwhile is in the result, or stays.</summary>
    public IReadOnlyList<PageRange> Take()
    {
        PageMarks taken = new(pages);
        for (int i = 0; i < _words.Length; i++) taken._words[i] = Interlocked.Exchange(ref _words[i], 0);
        return [.. taken.Runs()];
    }

    /// <summary>Runs of marks, ascending.</summary>
    public IEnumerable<PageRange> Runs()
    {
        for (long page = 0; page < pages; page++)
        {
            if (page % BitsPerWord == 0 && Volatile.Read(ref _words[page / BitsPerWord]) == 0)
            {
                page += BitsPerWord - 1;
                continue;
            }

            if (!Contains(page)) continue;
            long end = page + 1;
            while (end < pages && Contains(end)) end++;
            yield return new PageRange(page, end);
            page = end;
        }
    }

    private static long Bit(long page) => 1L << (int)(page % BitsPerWord);
}
