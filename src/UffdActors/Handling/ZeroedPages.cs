using System.Numerics;
using UffdActors.Model.Mapping;

namespace UffdActors.Handling;

/// <summary>
/// Pages of a region that have lost their content without a write since the dirty set was last taken: punched, given back, or to be filled
/// again. No page table tells of them: the mark of protection outlives the page, and what is filled in its place is protected like any
/// other.
/// </summary>
/// <remarks>
/// Any thread. A call of ours is noted when it has ended (<see cref="Add"/>). Of a guest's own call only the event is known, which is
/// read <em>before</em> the pages go (<see cref="Announce"/>), and which does not say whether they will: DONTNEED of shared memory leaves
/// them their content. So each of them is looked at when it is taken, and one that is still there is looked at once more the next time.
/// </remarks>
internal sealed class ZeroedPages(long pages)
{
    private const int BitsPerWord = 64;
    private readonly ulong[] _gone = new ulong[(pages + BitsPerWord - 1) / BitsPerWord];
    private readonly ulong[] _announced = new ulong[(pages + BitsPerWord - 1) / BitsPerWord];
    private readonly ulong[] _announcedAgain = new ulong[(pages + BitsPerWord - 1) / BitsPerWord];
    private readonly ulong[] _kept = new ulong[(pages + BitsPerWord - 1) / BitsPerWord];

    /// <summary>The pages have gone.</summary>
    public void Add(PageRange range) => Set(_gone, range);

    /// <summary>
    /// A call of ours that has taken the pages has ended, and its own event, if it raised one, is noted: it announces nothing more. One of
    /// the guest's beside it does.
    /// </summary>
    public void Withdraw(PageRange range)
    {
        for (long page = range.Start; page < range.End;)
        {
            long index = page / BitsPerWord;
            long next = Math.Min((index + 1) * BitsPerWord, range.End);
            ulong mask = Mask(page, next);
            _ = Clear(_announced, index, mask & ~Clear(_announcedAgain, index, mask));
            page = next;
        }
    }

    /// <summary>The pages are about to go.</summary>
    public void Announce(PageRange range)
    {
        for (long page = range.Start; page < range.End;)
        {
            long index = page / BitsPerWord;
            long next = Math.Min((index + 1) * BitsPerWord, range.End);
            ulong again = Interlocked.Or(ref _announced[index], Mask(page, next)) & Mask(page, next);
            if (again != 0) _ = Interlocked.Or(ref _announcedAgain[index], again);
            page = next;
        }
    }

    /// <summary>Takes what lies in a range out of the set.</summary>
    /// <param name="range">Pages of the region.</param>
    /// <param name="look">What an announced removal has done to a page by now.</param>
    /// <returns>Ranges, ascending, that do not touch.</returns>
    public List<PageRange> Take(PageRange range, Func<long, Removal> look)
    {
        List<PageRange> taken = [];
        for (long page = range.Start; page < range.End;)
        {
            long index = page / BitsPerWord;
            long next = Math.Min((index + 1) * BitsPerWord, range.End);
            ulong mask = Mask(page, next);
            ulong kept = Clear(_kept, index, mask);
            _ = Clear(_announcedAgain, index, mask);
            ulong announced = Clear(_announced, index, mask);
            ulong gone = Clear(_gone, index, mask);
            for (ulong rest = announced | kept; rest != 0; rest &= rest - 1)
            {
                int bit = BitOperations.TrailingZeroCount(rest);
                long at = (index * BitsPerWord) + bit;
                Removal removal = look(at);
                if (removal != Removal.Kept) gone |= 1UL << bit;
                if (removal == Removal.MayCome) Add(new PageRange(at, at + 1));
                else if (removal == Removal.Kept && (announced & (1UL << bit)) != 0) Set(_kept, new PageRange(at, at + 1));
            }

            for (; gone != 0; gone &= gone - 1)
            {
                long at = (index * BitsPerWord) + BitOperations.TrailingZeroCount(gone);
                if (taken.Count > 0 && taken[^1].End == at) taken[^1] = taken[^1] with { End = at + 1 };
                else taken.Add(new PageRange(at, at + 1));
            }

            page = next;
        }

        return taken;
    }

    /// <summary>What an announced removal has done to a page of shared memory, which DONTNEED leaves its content.</summary>
    /// <param name="pages">What has become of the region's pages.</param>
    /// <param name="page">Base page of the region.</param>
    /// <param name="seen">What it holds now; null if it cannot be told.</param>
    /// <param name="raisesMissing">MISSING is registered: what was gone and is there again has been filled by us.</param>
    public static Removal RemovalOfShared(RegionPages pages, long page, SeenContent? seen, bool raisesMissing)
    {
        if (pages.IsRefilled(page)) return Removal.Done;
        return seen switch
        {
            null or SeenContent.None => Removal.Done,
            SeenContent.Zeros when !raisesMissing => Removal.Done,
            _ => Removal.Kept,
        };
    }

    /// <summary>Two ascending lists of ranges as one; ranges that touch are one range.</summary>
    public static IReadOnlyList<PageRange> Union(IReadOnlyList<PageRange> a, IReadOnlyList<PageRange> b)
    {
        if (a.Count == 0) return b;
        List<PageRange> all = [];
        for (int i = 0, j = 0; i < a.Count || j < b.Count;)
        {
            PageRange next = j == b.Count || (i < a.Count && a[i].Start <= b[j].Start) ? a[i++] : b[j++];
            if (all.Count > 0 && next.Start <= all[^1].End) all[^1] = all[^1] with { End = Math.Max(all[^1].End, next.End) };
            else all.Add(next);
        }

        return all;
    }

    private static void Set(ulong[] words, PageRange range)
    {
        for (long page = range.Start; page < range.End;)
        {
            long next = Math.Min(((page / BitsPerWord) + 1) * BitsPerWord, range.End);
            _ = Interlocked.Or(ref words[page / BitsPerWord], Mask(page, next));
            page = next;
        }
    }

    // Looked at first: most words are empty, and a look is cheaper.
    private static ulong Clear(ulong[] words, long index, ulong mask) =>
        (Volatile.Read(ref words[index]) & mask) == 0 ? 0 : Interlocked.And(ref words[index], ~mask) & mask;

    // Bits of pages from one up to another of the same word.
    private static ulong Mask(long page, long end) => ulong.MaxValue >> (int)(BitsPerWord - (end - page)) << (int)(page % BitsPerWord);
}
