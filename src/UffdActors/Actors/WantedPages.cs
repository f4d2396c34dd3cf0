using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model.Memory;

namespace UffdActors.Actors;

/// <summary>
/// The pages of a region that the background push still has to bring: those that are mapped, have not been received, and take a fill.
/// </summary>
/// <param name="reader">Reader of the context, whose view says what is mapped.</param>
/// <param name="region">Number of the region.</param>
/// <param name="received">What has been received of it.</param>
internal sealed class WantedPages(FaultReader reader, int region, PageBitmap received)
{
    // Pages that are passed over, because no retry can fill them.
    private PageBitmap? _refused;
    private FillKind _refusedKind;
    private Errno _refusedError;
    private long _base;
    private long _cursor;

    /// <summary>Pages of the region.</summary>
    public long Pages => received.Pages;

    /// <summary>True if anything is left to bring.</summary>
    public bool IsAnyLeft => Next(0) < Pages;

    /// <summary>The first page at or behind another that is mapped and not there; as many as the region has if there is none.</summary>
    public long Next(long page) => Next(page, evenRefused: false);

    /// <summary>Goes on to the next page that is wanted.</summary>
    /// <returns>False if there is none behind the last; then it begins anew.</returns>
    public bool TryAdvance()
    {
        _cursor = Next(_cursor);
        if (_cursor < Pages) return true;
        _cursor = 0;
        return false;
    }

    /// <summary>Orders the next pages that are wanted and lie side by side.</summary>
    /// <param name="order">The order.</param>
    /// <param name="most">Base pages at most.</param>
    /// <returns>False if there is none behind the last.</returns>
    public bool TryOrder(PushOrder order, int most)
    {
        _cursor = Next(_cursor);
        if (_cursor >= Pages || RegionOf(_cursor) is not { } part) return false;
        int pages = 1;
        long end = part.PageOf(part.Range.End);
        while (pages < most && _cursor + pages < end && !received.Contains(_cursor + pages)) pages++;
        order.Begin(_cursor, pages);
        _cursor += pages;
        return true;
    }

    /// <summary>What was ordered has not been filled: it is wanted again from a page on.</summary>
    public void Rewind(long page) => _cursor = page;

    /// <summary>The part of the region that holds a page of it, or null: nearly always the one that held the last.</summary>
    public ServedRegion? RegionOf(long page)
    {
        RegionView view = reader.View;
        ServedRegion? part = view.Find(_base + page);
        if (part?.Id != region || part.Base != _base) part = view.FindPart(region, page);
        if (part is not null) _base = part.Base;
        return part;
    }

    /// <summary>What is mapped there takes no such fill: the pages are passed over from here on.</summary>
    /// <param name="page">First page.</param>
    /// <param name="pages">Base pages.</param>
    /// <param name="fill">The fill that was refused.</param>
    /// <returns>True if they are the first.</returns>
    public bool Refuse(long page, int pages, IPageFill fill)
    {
        bool isFirst = _refused is null;
        _refused ??= new PageBitmap(Pages);
        _refusedKind = fill.Kind;
        _refusedError = fill.Error;
        _refused.Set(page, pages);
        return isFirst;
    }

    /// <summary>What was refused is tried once more.</summary>
    public void ForgetRefused() => _refused = null;

    /// <summary>What whoever waits for the push is told once nothing is left to bring; null if every page is there.</summary>
    public Exception? Missing()
    {
        long missing = Pages - received.Count;
        if (missing == 0) return null;
        if (_refused is not null && Next(0, evenRefused: true) is var first && first < Pages)
            return new UffdException(
                $"UFFDIO_{_refusedKind.ToString().ToUpperInvariant()}",
                _refusedError,
                $"page {first} of region {region} and every other one that is still absent takes no fill; other memory may "
                + "be mapped there than was registered");
        bool isGone = !reader.View.Regions.Any(r => r.Id == region);
        return new InvalidOperationException(isGone
            ? $"Region {region} has been unmapped under its background push: {missing} of {Pages} pages were not there "
                + $"yet, and nobody needs them any more."
            : $"{missing} of {Pages} pages of region {region}, the first of them page {received.NextClear(0)}, have "
                + $"been unmapped under its background push; every other page is there.");
    }

    private long Next(long page, bool evenRefused)
    {
        long found = Pages;
        foreach (ServedRegion part in reader.View.Regions)
        {
            if (part.Id != region) continue;
            long start = Math.Max(page, part.PageOf(part.Range.Start));
            long next = evenRefused ? received.NextClear(start) : NextOpen(start);
            if (next < part.PageOf(part.Range.End)) found = Math.Min(found, next);
        }

        return found;
    }

    /// <summary>The first page at or behind another that is neither there nor passed over.</summary>
    private long NextOpen(long page)
    {
        while (true)
        {
            page = received.NextClear(page);
            if (_refused is null || page >= _refused.Pages || _refused.NextClear(page) is var next && next == page) return page;
            page = next;
        }
    }
}
