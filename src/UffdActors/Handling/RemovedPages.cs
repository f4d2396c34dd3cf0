using UffdActors.Model;
namespace UffdActors.Handling;

/// <summary>
/// What has become of pages that an event of removal has named. MADV_DONTNEED and MADV_REMOVE give the same event, which is read before
/// either has done anything; of shared memory the first takes the mapping alone, and a guest may have written to the page since. So what
/// has happened since is asked: whether the page was filled, what the page table has, and what can be read.
/// </summary>
/// <remarks>
/// A page that was absent is filled with zeros by us where MISSING is registered, so such a fill shows that there was a hole, and what is
/// not zeros behind it is the guest's own. Where MINOR is registered alone the kernel fills a hole in silence, while a page that has only
/// left the mapping comes back by CONTINUE: one that is mapped without it was a hole. What cannot be told from a page that was written is
/// told as written, for a copy of such a page has the right bytes.
/// </remarks>
/// <param name="pages">What is known of the region's pages.</param>
/// <param name="terms">What kind of memory it is.</param>
/// <param name="look">Looks at a base page; null if it cannot be read from here.</param>
internal class RemovedPages(RegionPages pages, RemovalTerms terms, Func<long, PageLook?> look)
{
    /// <summary>States of pages, with each that was removed told as what it is now.</summary>
    /// <param name="states">What the events say, ascending and without gaps.</param>
    public IReadOnlyList<PageStateRange> ToldApart(IReadOnlyList<PageStateRange> states)
    {
        if (!states.Any(s => s.State == PageState.Removed)) return states;
        List<PageStateRange> told = [];
        foreach (PageStateRange range in states)
        {
            if (range.State != PageState.Removed)
            {
                PageStateRange.Append(told, range);
                continue;
            }

            long end = range.FirstPage + range.Pages;
            for (long page = range.FirstPage; page < end;)
            {
                long head = page - (page % terms.UnitPages);
                long next = Math.Min(head + terms.UnitPages, end);
                PageState state = StateOf(head);
                if (terms.UnitPages == 1 || state is PageState.Removed or PageState.Zero)
                    PageStateRange.Append(told, new PageStateRange(page, next - page, state));
                else AddParts(told, page, next, state);
                page = next;
            }
        }

        return told;
    }

    // A hole in a part of a larger page makes that part zeros, and leaves the page where it is: what reads as zeros there has been removed.
    private void AddParts(List<PageStateRange> told, long page, long end, PageState state)
    {
        for (; page < end; page++)
        {
            bool isZeros = look(page) is { Content: SeenContent.Zeros };
            PageStateRange.Append(told, new PageStateRange(page, 1, isZeros ? PageState.Removed : state));
        }
    }

    /// <summary>The same for a page that was found open to writers, and is protected again by now.</summary>
    public bool IsWritten(long page)
    {
        long head = page - (page % terms.UnitPages);
        // One that MADV_FREE has named stays where it is until the kernel wants its memory, and is the guest's again if it is written to.
        if (!terms.IsShared && terms.RaisesMissing && !pages.IsRefilled(head)) return look(head) is { Content: SeenContent.Bytes };
        return Look(head) is not { } seen || seen.Content == SeenContent.Bytes || (terms.RaisesMissing && seen.Content != SeenContent.None);
    }

    // What is not zeros has been written. Zeros have been only where protection was there from the beginning, and has gone.
    private PageState OfHole(long page, PageLook seen, bool isHeardOf)
    {
        if (seen.Content == SeenContent.Bytes) return isHeardOf || !seen.IsProtected ? PageState.Written : PageState.Removed;
        bool isOpened = terms.IsWatched && seen.IsMapped && !seen.IsProtected && !pages.IsOpen(page);
        return isHeardOf && isOpened ? PageState.Written : PageState.Removed;
    }

    private PageState OfKept(long page, PageLook seen)
    {
        bool isReceived = pages.Received.Contains(page);
        if (!isReceived && seen.Content == SeenContent.Zeros) return PageState.Removed;
        // The mark of protection outlives the page's mapping.
        bool isUnwritten = !terms.IsWatched || seen.IsProtected;
        if (isReceived && !isUnwritten) return PageState.Written;
        if (isReceived)
        {
            // Mapped as it was found, before the source's bytes had come: zeros are not those.
            PageState filled = pages.StateOfFilled(page);
            return filled == PageState.FromSource && seen.Content == SeenContent.Zeros ? PageState.Removed : filled;
        }

        bool isAsItWas = terms.RaisesMinor || (terms.IsWatched && !terms.RaisesMissing && isUnwritten);
        return isAsItWas ? PageState.Absent : PageState.Written;
    }

    private PageLook? Look(long page)
    {
        if (look(page) is not { } seen) return null;
        for (int i = 1; i < terms.UnitPages && seen.Content != SeenContent.Bytes; i++)
        {
            if (look(page + i) is { Content: SeenContent.Bytes }) seen = seen with { Content = SeenContent.Bytes };
        }

        return seen;
    }

    /// <summary>The state of a page that was removed.</summary>
    /// <param name="page">First base page of it.</param>
    [MutationPoint("RING S8")]
    internal virtual PageState StateOf(long page)
    {
        // In private memory a touch of what is gone raises a fault: none has come, so it is gone or is just going; or MADV_FREE
        // has left it, and it has been written to since. A copy of what it holds is right in any case.
        if (!terms.IsShared && terms.RaisesMissing && !pages.IsRefilled(page))
            return look(page) is { Content: SeenContent.Bytes } ? PageState.Written : PageState.Removed;
        if (Look(page) is not { Content: not SeenContent.None } seen) return PageState.Removed;
        if (!terms.IsShared) return OfHole(page, seen, isHeardOf: terms.RaisesMissing);
        if (pages.IsHole(page)) return OfHole(page, seen, isHeardOf: true);
        if (terms.RaisesMinor && !terms.RaisesMissing && seen.IsMapped && !pages.IsMappedAgain(page))
            return OfHole(page, seen, isHeardOf: false);
        return OfKept(page, seen);
    }
}
