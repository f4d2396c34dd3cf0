namespace UffdActors.Handling;

/// <summary>
/// Tells pages of shared memory that were given back from those that have only left the mapping. The event is the same for both:
/// MADV_DONTNEED leaves the content in the file, MADV_REMOVE punches a hole. So the content tells: what reads as anything but zeros was not
/// given back.
/// </summary>
internal static class KeptPages
{
    /// <summary>States of pages, with those that have kept their content told as what they were.</summary>
    /// <param name="states">What the events say, ascending and without gaps.</param>
    /// <param name="unit">Base pages of a page of the memory: they are given back together.</param>
    /// <param name="hasContent">True if a base page can be read and is not all zeros.</param>
    /// <param name="received">Pages that have been filled; what has content and never was is the guest's own.</param>
    public static IReadOnlyList<PageStateRange> ToldApart(
        IReadOnlyList<PageStateRange> states, int unit, Func<long, bool> hasContent, PageBitmap received)
    {
        if (!states.Any(s => s.State == PageState.Removed)) return states;
        List<PageStateRange> told = [];
        foreach (PageStateRange range in states)
        {
            if (range.State == PageState.Removed) AddRemoved(told, range, unit, hasContent, received);
            else Add(told, range);
        }

        return told;
    }

    private static void AddRemoved(
        List<PageStateRange> told, PageStateRange range, int unit, Func<long, bool> hasContent, PageBitmap received)
    {
        long end = range.FirstPage + range.Pages;
        for (long page = range.FirstPage; page < end;)
        {
            long first = page - (page % unit);
            long next = Math.Min(first + unit, end);
            PageState kept = received.Contains(page) ? PageState.FromSource : PageState.Written;
            PageState state = IsKept(first, unit, hasContent) ? kept : PageState.Removed;
            Add(told, new PageStateRange(page, next - page, state));
            page = next;
        }
    }

    private static bool IsKept(long first, int unit, Func<long, bool> hasContent)
    {
        for (long page = first; page < first + unit; page++)
        {
            if (hasContent(page)) return true;
        }

        return false;
    }

    private static void Add(List<PageStateRange> told, PageStateRange range)
    {
        if (told.Count > 0 && told[^1].State == range.State) told[^1] = told[^1] with { Pages = told[^1].Pages + range.Pages };
        else told.Add(range);
    }
}
