using UffdActors.Model.Mapping;

namespace UffdActors.Handling;

/// <summary>
/// What has become of the pages of a region since it was registered: one bitmap for each thing that is known of a page, so that an event
/// costs the same however many came before it, and a look costs a word. Pages are numbered within the region, so a region that moves takes
/// it along.
/// </summary>
/// <remarks>
/// Bits are set in turns of the context and its handlers, and by calls of the embedder; any thread may read. But for what has been
/// received, bitmaps are made when they are first needed.
/// </remarks>
internal sealed class RegionPages
{
    private PageBitmap? _zeros;
    private PageBitmap? _removed;
    private PageBitmap? _written;
    private PageBitmap? _open;
    private PageBitmap? _marked;
    private PageBitmap? _refilled;
    private PageBitmap? _holes;
    private PageBitmap? _mappedAgain;
    private PageBitmap? _poisoned;
    private PageBitmap? _unfilled;
    private FirstTouches? _touches;
    private long _demanded = -1;

    /// <param name="pages">Base pages of the region.</param>
    public RegionPages(long pages)
        : this(new PageBitmap(pages))
    {
    }

    /// <param name="received">What has been received of the region.</param>
    public RegionPages(PageBitmap received) => Received = received;

    /// <summary>Pages that have been filled, or are known to be zeros and left without memory (<see cref="LeaveHole"/>).</summary>
    public PageBitmap Received { get; }

    /// <summary>True if any page was ever removed. At every fill.</summary>
    public bool HasRemoved => Volatile.Read(ref _removed) is not null;

    /// <summary>What is touched first, if that is recorded.</summary>
    public FirstTouches? Touches => Volatile.Read(ref _touches);

    /// <summary>Begins to record what is touched first, once.</summary>
    public void RecordTouches() => _ = Interlocked.CompareExchange(ref _touches, new FirstTouches(Received.Pages), null);

    /// <summary>A thread has newly faulted on an absent page; on the fault path, so it is a store and a test.</summary>
    /// <param name="page">First base page of it.</param>
    /// <param name="count">Base pages of it.</param>
    public void Demand(long page, int count)
    {
        Volatile.Write(ref _demanded, page);
        _touches?.Note(page, count);
    }

    /// <summary>The newest page that was demanded since this was last asked; -1 if there was none. One asks.</summary>
    public long TakeDemanded() => Volatile.Read(ref _demanded) < 0 ? -1 : Interlocked.Exchange(ref _demanded, -1);

    /// <summary>
    /// The first page at or behind another that is neither there nor given back by the guest; as many as there are if there is none.
    /// </summary>
    /// <param name="page">First base page of a page.</param>
    /// <param name="unit">Base pages in a page of the region: of a larger page all have to have been given back.</param>
    public long NextAbsent(long page, int unit)
    {
        while (true)
        {
            page = Received.NextClear(page);
            if (page >= Received.Pages || Volatile.Read(ref _removed) is not { } removed) return page;
            long next = unit == 1 ? removed.NextClear(page) : IsRemoved(page, unit) ? page + unit : page;
            if (next == page) return page;
            page = next;
        }
    }

    /// <summary>Base pages that are neither there nor given back by the guest.</summary>
    /// <param name="unit">Base pages in a page of the region.</param>
    public long CountAbsent(int unit)
    {
        if (unit == 1) return Received.CountNeither(Volatile.Read(ref _removed));
        long absent = 0;
        for (long page = NextAbsent(0, unit); page < Received.Pages; page = NextAbsent(page + unit, unit)) absent += unit;
        return absent;
    }

    /// <summary>The page has been filled with what the source has.</summary>
    /// <param name="page">First base page.</param>
    /// <param name="count">Base pages.</param>
    /// <param name="isZero">They were filled with zeros.</param>
    public void Fill(long page, long count, bool isZero)
    {
        if (count == 1) _ = Received.Set(page);
        else Received.Set(page, count);
        if (isZero) Made(ref _zeros).Set(page, count);
        // What was poisoned has been given back meanwhile, and no event told of it.
        if (_poisoned is { } poisoned) poisoned.Clear(page, count);
    }

    /// <summary>
    /// The source has zeros for pages of a page cache, and they are left as holes: done, as pages that were filled with zeros are, and
    /// without memory. A touch is answered with zeros, and the source is not asked again.
    /// </summary>
    /// <param name="page">First base page.</param>
    /// <param name="count">Base pages.</param>
    public void LeaveHole(long page, long count)
    {
        // Before they count as received: who sees that sees this too.
        Made(ref _unfilled).Set(page, count);
        Fill(page, count, isZero: true);
    }

    /// <summary>True if a page was left as a hole; of a larger page, if all of its base pages were.</summary>
    public bool IsLeftHole(long page, int count = 1)
    {
        if (Volatile.Read(ref _unfilled) is not { } unfilled) return false;
        return count == 1 ? unfilled.Contains(page) : unfilled.NextClear(page) >= page + count;
    }

    /// <summary>Pages have been poisoned: nothing comes from the source any more, and there is nothing to read.</summary>
    public void Poison(long page, long count)
    {
        Received.Set(page, count);
        Made(ref _poisoned).Set(page, count);
    }

    /// <summary>True if a page has been poisoned, and not given back since.</summary>
    public bool IsPoisoned(long page) => Volatile.Read(ref _poisoned) is { } poisoned && poisoned.Contains(page);

    /// <summary>
    /// The same, and how: of pages that were removed it shows what their removal has done.
    /// </summary>
    /// <param name="page">First base page.</param>
    /// <param name="count">Base pages, all removed or none.</param>
    /// <param name="isZero">They were filled with zeros.</param>
    /// <param name="isMapped">They were in the cache, and have only been mapped (CONTINUE).</param>
    public void Fill(long page, long count, bool isZero, bool isMapped)
    {
        if (HasRemoved && IsRemoved(page))
        {
            if (isMapped) Made(ref _mappedAgain).Set(page, count);
            else if (isZero) NoteHole(page, count);
        }

        Fill(page, count, isZero);
    }

    /// <summary>The guest has given pages back: they are zeros, and what they held before must never come back.</summary>
    public void Remove(long page, long count)
    {
        Made(ref _removed).Set(page, count);
        Volatile.Read(ref _written)?.Clear(page, count);
        Volatile.Read(ref _refilled)?.Clear(page, count);
        Volatile.Read(ref _mappedAgain)?.Clear(page, count);
        Volatile.Read(ref _poisoned)?.Clear(page, count);
    }

    /// <summary>True if a page has been filled with zeros since it was last removed.</summary>
    public bool IsRefilled(long page) => Volatile.Read(ref _refilled) is { } refilled && refilled.Contains(page);

    /// <summary>
    /// True if a page was found gone once, after it was removed: from then on nothing comes from the source any more, so what it has is the
    /// guest's own, whatever is removed later.
    /// </summary>
    public bool IsHole(long page) => Volatile.Read(ref _holes) is { } holes && holes.Contains(page);

    /// <summary>True if a page was found in the cache, and mapped from there, since it was last removed.</summary>
    public bool IsMappedAgain(long page) => Volatile.Read(ref _mappedAgain) is { } mapped && mapped.Contains(page);

    /// <summary>Write-protected pages have been given to a writer.</summary>
    public void Write(long page, long count) => Made(ref _written).Set(page, count);

    /// <summary>
    /// The same for pages found written in the page table: of one that was removed, or never came, an empty entry is found like a written
    /// one.
    /// </summary>
    /// <param name="range">Base pages of the region.</param>
    /// <param name="isFilled">Pages of the region come from a source.</param>
    /// <param name="isThere">True if a page is in the page table now.</param>
    /// <param name="isWritten">True if a page that was removed has been written since (<see cref="RemovedPages.IsWritten"/>).</param>
    public void WriteFound(PageRange range, bool isFilled, Func<long, bool> isThere, Func<long, bool> isWritten)
    {
        for (long page = range.Start; page < range.End; page++)
        {
            if (IsPoisoned(page)) continue;
            if (IsRemoved(page) ? isWritten(page) : !isFilled || Received.Contains(page) || isThere(page)) Write(page, 1);
        }
    }

    /// <summary>
    /// Protection was asked for, or its end: from then on the pages are filled so. Where nothing was asked for they are filled protected.
    /// </summary>
    public void Protect(PageRange pages, bool isProtected)
    {
        if (!isProtected) Made(ref _open).Set(pages.Start, pages.Count);
        else Volatile.Read(ref _open)?.Clear(pages.Start, pages.Count);
    }

    /// <summary>A call has protected the pages, and left the mark of protection where there was none.</summary>
    public void Mark(PageRange pages) => Made(ref _marked).Set(pages.Start, pages.Count);

    /// <summary>
    /// True if a page has had the mark of protection, since it was filled or by a call: found without one and without a page, it has been
    /// open to writers. Of other pages that only says that nobody has touched them.
    /// </summary>
    public bool WasMarked(long page) => Received.Contains(page) || (Volatile.Read(ref _marked) is { } marked && marked.Contains(page));

    /// <summary>True if protection of a page was ended by the caller that had asked for it.</summary>
    public bool IsOpen(long page) => Volatile.Read(ref _open) is { } open && open.Contains(page);

    /// <summary>Pages from one on, at most as many as asked for, that are filled alike: all protected, or all open.</summary>
    public int SameProtection(long page, int count)
    {
        if (Volatile.Read(ref _open) is not { } open) return count;
        bool isOpen = open.Contains(page);
        int same = 1;
        while (same < count && open.Contains(page + same) == isOpen) same++;
        return same;
    }

    /// <summary>True if a page was removed; of a larger page, if all of its base pages were.</summary>
    public bool IsRemoved(long page, int count = 1)
    {
        if (Volatile.Read(ref _removed) is not { } removed) return false;
        return count == 1 ? removed.Contains(page) : removed.NextClear(page) >= page + count;
    }

    /// <summary>The runs of removed pages in a range; ascending.</summary>
    public IEnumerable<PageRange> Removed(PageRange range)
    {
        if (Volatile.Read(ref _removed) is not { } removed) yield break;
        for (long end, start = removed.NextSet(range.Start); start < range.End; start = removed.NextSet(end))
        {
            end = Math.Min(range.End, removed.NextClear(start));
            yield return new PageRange(start, end);
        }
    }

    /// <summary>What is known of a page.</summary>
    public PageState StateOf(long page)
    {
        if (_poisoned?.Contains(page) == true) return PageState.Poisoned;
        if (_written?.Contains(page) == true) return PageState.Written;
        if (_removed?.Contains(page) == true) return PageState.Removed;
        return Received.Contains(page) ? StateOfFilled(page) : PageState.Absent;
    }

    /// <summary>What a page was filled with.</summary>
    public PageState StateOfFilled(long page) => _zeros?.Contains(page) == true ? PageState.Zero : PageState.FromSource;

    /// <summary>
    /// The same for a range, with what was found written as well: runs of one state, ascending and without gaps. Of a page that was removed
    /// the page table alone does not tell.
    /// </summary>
    /// <param name="range">Base pages of the region.</param>
    /// <param name="written">Ranges that were found written, ascending.</param>
    public IReadOnlyList<PageStateRange> States(PageRange range, IReadOnlyList<PageRange> written)
    {
        List<PageStateRange> states = [];
        int next = 0;
        for (long page = range.Start; page < range.End; page++)
        {
            while (next < written.Count && written[next].End <= page) next++;
            PageState state = StateOf(page);
            // An absent page is not protected, so it is among these too; it was not written to.
            bool isFilled = state is not (PageState.Absent or PageState.Removed or PageState.Poisoned);
            if (isFilled && next < written.Count && written[next].Contains(page)) state = PageState.Written;
            PageStateRange.Append(states, new PageStateRange(page, 1, state));
        }

        return states;
    }

    private void NoteHole(long page, long count)
    {
        Made(ref _refilled).Set(page, count);
        Made(ref _holes).Set(page, count);
    }

    private PageBitmap Made(ref PageBitmap? bitmap) =>
        Volatile.Read(ref bitmap) ?? Interlocked.CompareExchange(ref bitmap, new PageBitmap(Received.Pages), null) ?? bitmap!;
}
