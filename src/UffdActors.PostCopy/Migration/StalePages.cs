using UffdActors.Model.Mapping;

namespace UffdActors.PostCopy.Migration;

/// <summary>
/// The pages of a region whose content at the destination is old or not there. A page is removed from the set before it is read and sent,
/// and added again when found written, so a page whose latest content was not sent is always in the set. Safe for any thread.
/// </summary>
internal sealed class StalePages
{
    private const int WordShift = 6;

    private readonly ulong[] _words;

    /// <param name="pages">Base pages of the region.</param>
    public StalePages(long pages)
    {
        Pages = pages;
        _words = new ulong[(pages + 63) >> WordShift];
        AddAll();
    }

    /// <summary>Base pages of the region.</summary>
    public long Pages { get; }

    /// <summary>How many are in the set.</summary>
    public long Count => _words.Sum(w => (long)System.Numerics.BitOperations.PopCount(Volatile.Read(ref w)));

    /// <summary>Puts every page in.</summary>
    public void AddAll()
    {
        for (long page = 0; page < Pages; page++) Add(page);
    }

    /// <summary>Puts a range in.</summary>
    public void Add(PageRange range)
    {
        for (long page = range.Start; page < range.End; page++) Add(page);
    }

    /// <summary>Takes the next run of pages out.</summary>
    /// <param name="from">Where to look from.</param>
    /// <param name="end">Where to stop.</param>
    /// <returns>The run; none if its pages are 0.</returns>
    public (long FirstPage, int Pages) TakeRun(long from, long end)
    {
        while (from < end && !Contains(from)) from++;
        int pages = 0;
        while (from + pages < end && Contains(from + pages)) Remove(from + pages++);
        return (from, pages);
    }

    /// <summary>True if a page is in the set.</summary>
    public bool Contains(long page) => (Volatile.Read(ref _words[page >> WordShift]) & Bit(page)) != 0;

    /// <summary>The set as bits, lowest first.</summary>
    public void Write(long firstPage, int pages, Span<byte> bits)
    {
        bits.Clear();
        for (int i = 0; i < pages; i++)
        {
            if (Contains(firstPage + i)) bits[i >> 3] |= (byte)(1 << (i & 7));
        }
    }

    private static ulong Bit(long page) => 1UL << (int)(page & 63);

    private void Add(long page) => Interlocked.Or(ref _words[page >> WordShift], Bit(page));

    private void Remove(long page) => Interlocked.And(ref _words[page >> WordShift], ~Bit(page));
}
