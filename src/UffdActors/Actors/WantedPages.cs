using UffdActors.Handling;
using UffdActors.Model.Memory;
using UffdActors.Prefetch;

namespace UffdActors.Actors;

/// <summary>
/// The pages of a region that the background push still has to bring: those that are mapped, neither there nor given back by the guest, and
/// take a fill. Which of them comes next is the order's to say; here is only what it may choose from.
/// </summary>
/// <remarks>
/// What has been asked for is passed over until it is there. What is not there when nothing else is left (a handler had it in hand, or it
/// cannot be had now) is asked for once more, and so is what could not be filled.
/// </remarks>
/// <param name="reader">Reader of the context, whose view says what is mapped.</param>
/// <param name="region">Number of the region.</param>
/// <param name="pages">What has become of its pages.</param>
/// <param name="unit">Base pages in a page of the region.</param>
/// <param name="order">Which page comes next.</param>
internal sealed class WantedPages(FaultReader reader, int region, RegionPages pages, int unit, IPrefetchOrder order) : IWantedPages
{
    private readonly PageBitmap _asked = new(pages.Received.Pages);

    // Asked for before, and wanted once more: before what the order says.
    private PageBitmap? _again;

    // Of orders that have failed: which of their pages the source does not have shows when each is asked for by itself.
    private PageBitmap? _alone;

    // The source has lost them for good: passed over until recover.
    private PageBitmap? _lost;

    // Pages that are passed over, because no retry can fill them.
    private PageBitmap? _refused;
    private FillKind _refusedKind;
    private Errno _refusedError;
    private long _demanded = -1;
    private long _base;

    // Nothing is wanted before it: what is there, or has been asked for, is wanted again by way of the pages above only. So a look costs a
    // word, however much of the region is there.
    private long _firstOpen;
    private bool _isExhausted;

    /// <inheritdoc />
    public long Pages => pages.Received.Pages;

    /// <summary>True if something may be asked for that is not on its way.</summary>
    public bool CanOrder => NextAgain() >= 0 || (!_isExhausted && FirstOpen() < Pages);

    /// <inheritdoc />
    public long Next(long page) => NextMapped(page, evenAsked: false);

    /// <inheritdoc />
    public long Previous(long page)
    {
        long found = -1;
        foreach (ServedRegion part in reader.View.Regions)
        {
            if (part.Id != region) continue;
            long previous = PreviousOpen(Math.Min(page, part.PageOf(part.Range.End) - 1));
            if (previous >= part.PageOf(part.Range.Start)) found = Math.Max(found, previous);
        }

        return found;
    }

    /// <summary>The first page at or behind another that is mapped and not there, on its way or not.</summary>
    public long NextMissing(long page) => NextMapped(page, evenAsked: true);

    /// <summary>A thread has newly faulted on a page.</summary>
    public void Demand(long page) => _demanded = page;

    /// <summary>What the order has thrown; null if nothing. No page is ordered any more then.</summary>
    public Exception? OrderFailure { get; private set; }

    // Code of the embedder, in a turn of the push.
    private long NextOfOrder(ref int most)
    {
        try
        {
            return OrderFailure is null ? order.Next(this, _demanded, ref most) : -1;
        }
        catch (Exception e)
        {
            OrderFailure = e;
            return -1;
        }
    }

    /// <summary>Orders the next pages that are wanted and lie side by side.</summary>
    /// <param name="asked">The order.</param>
    /// <param name="most">Base pages at most: whole pages of the region.</param>
    /// <returns>False if nothing else is to be fetched.</returns>
    public bool TryOrder(PushOrder asked, int most)
    {
        long page = NextAgain();
        if (page < 0)
        {
            page = NextOfOrder(ref most);
            _demanded = -1;
            // Whatever an order says, only what is wanted is asked for.
            if (page >= 0) page = Wrapped.Next(this, Math.Min(page, Pages - 1));
            _isExhausted = page < 0;
            if (_isExhausted) return false;
        }

        most = (int)Math.Min(most + (page % unit), asked.MostPages);
        page -= page % unit;
        if (RegionOf(page) is not { } part) return false;
        if (IsAlone(page)) most = unit;
        long end = part.PageOf(part.Range.End);
        int count = unit;
        while (count + unit <= most && page + count < end && NextOpen(page + count) == page + count && !IsAlone(page + count))
            count += unit;
        _asked.Set(page, count);
        _again?.Clear(page, count);
        asked.Begin(page, count);
        return true;
    }

    /// <summary>What was asked for has not been filled: it is wanted again.</summary>
    public void Rewind(long page, long count)
    {
        _asked.Clear(page, count);
        (_again ??= new PageBitmap(Pages)).Set(page, count);
    }

    /// <summary>
    /// The source has not given them. Each of several is asked for by itself from here on: then one that cannot be had holds up no other. A
    /// single one is set aside until nothing else is left.
    /// </summary>
    public void Fail(long page, int count)
    {
        (_alone ??= new PageBitmap(Pages)).Set(page, count);
        if (count > unit) Rewind(page, count);
    }

    /// <summary>The source will never have a page: it is passed over until <see cref="ForgetRefused"/>.</summary>
    /// <returns>True if it is the first.</returns>
    public bool Lose(long page)
    {
        bool isFirst = _lost is null;
        (_lost ??= new PageBitmap(Pages)).Set(page, unit);
        return isFirst;
    }

    /// <summary>True if a page that the source has lost is still missing.</summary>
    public bool IsAnyLost
    {
        get
        {
            for (long page = _lost?.NextSet(0) ?? Pages; page < Pages; page = _lost!.NextSet(page + 1))
            {
                if (NextMissing(page) == page) return true;
            }

            return false;
        }
    }

    /// <summary>Pages that are missing because the source has not given them, in words; null if there are none.</summary>
    public string? NotToBeHad()
    {
        (long first, long count) = (-1, 0);
        for (long page = _alone?.NextSet(0) ?? Pages; page < Pages; page = _alone!.NextSet(page + 1))
        {
            if (!_asked.Contains(page) || NextMissing(page) != page) continue;
            if (count++ == 0) first = page;
        }

        return count switch
        {
            0 => null,
            1 => $"page {first} of region {region}",
            _ => $"{count} pages of region {region}, the first of them page {first},",
        };
    }

    /// <summary>Nothing is on its way: what was asked for and is not there yet is wanted again.</summary>
    /// <returns>False if there is no such page.</returns>
    public bool TryBeginAnew()
    {
        bool isAny = false;
        for (long page = NextMissing(0); page < Pages; page = NextMissing(page + unit))
        {
            if (!_asked.Contains(page) || _lost?.Contains(page) == true) continue;
            Rewind(page, unit);
            isAny = true;
        }

        return isAny;
    }

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
    /// <param name="count">Base pages.</param>
    /// <param name="fill">The fill that was refused.</param>
    /// <returns>True if they are the first.</returns>
    public bool Refuse(long page, int count, IPageFill fill)
    {
        bool isFirst = _refused is null;
        _refused ??= new PageBitmap(Pages);
        _refusedKind = fill.Kind;
        _refusedError = fill.Error;
        _refused.Set(page, count);
        return isFirst;
    }

    /// <summary>What was refused, or lost, is tried once more.</summary>
    public void ForgetRefused()
    {
        foreach (PageBitmap passedOver in new[] { _refused, _lost }.OfType<PageBitmap>())
        {
            for (long page = passedOver.NextSet(0); page < Pages; page = passedOver.NextSet(page + 1)) Rewind(page, 1);
        }

        _refused = _lost = null;
    }

    /// <summary>
    /// What is told of a push once nothing is left to bring; null if all that its order names is there, or has been given back.
    /// </summary>
    public Exception? Missing()
    {
        if (_refused is not null && NextMapped(0, evenAsked: true, evenRefused: true) is var first && first < Pages
            && _refused.Contains(first))
            return new UffdException(
                RequestIncidents.CallOf(_refusedKind),
                _refusedError,
                $"page {first} of region {region} and every other one that is still absent takes no fill; other memory may "
                + "be mapped there than was registered");
        // An order that leaves pages to demand leaves them out on purpose.
        if (NextMissing(0) < Pages) return null;
        long missing = pages.CountAbsent(unit);
        if (missing == 0) return null;
        bool isGone = !reader.View.Regions.Any(r => r.Id == region);
        return new InvalidOperationException(isGone
            ? $"Region {region} has been unmapped under its background push: {missing} of {Pages} pages were not there "
                + $"yet, and they are not needed any more."
            : $"{missing} of {Pages} pages of region {region}, the first of them page {pages.NextAbsent(0, unit)}, have "
                + $"been unmapped under its background push; every other page is there.");
    }

    private bool IsAlone(long page) => _alone?.Contains(page) == true;

    private long FirstOpen()
    {
        if (_firstOpen < Pages) _firstOpen = Next(_firstOpen);
        // At the end from the beginning, for other memory may have been mapped meanwhile.
        return _firstOpen < Pages ? _firstOpen : Next(0);
    }

    private long NextAgain()
    {
        if (_again is not { } again) return -1;
        for (long page = again.NextSet(0); page < Pages; page = again.NextSet(page + 1))
        {
            if (Next(page) == page) return page;
            // There by now, or not mapped any more.
            again.Clear(page);
        }

        _again = null;
        return -1;
    }

    private long NextMapped(long page, bool evenAsked, bool evenRefused = false)
    {
        long found = Pages;
        foreach (ServedRegion part in reader.View.Regions)
        {
            if (part.Id != region) continue;
            long next = NextOpen(Math.Max(page, part.PageOf(part.Range.Start)), evenAsked, evenRefused);
            if (next < part.PageOf(part.Range.End)) found = Math.Min(found, next);
        }

        return found;
    }

    /// <summary>The first page at or behind another that is neither there, given back, passed over nor asked for, mapped or not.</summary>
    private long NextOpen(long page, bool evenAsked = false, bool evenRefused = false)
    {
        while (true)
        {
            long next = pages.NextAbsent(page, unit);
            if (next < Pages && !evenRefused && _refused is not null) next = _refused.NextClear(next);
            if (next < Pages && !evenAsked) next = _asked.NextClear(next);
            if (next >= Pages || next == page) return next;
            page = next;
        }
    }

    private long PreviousOpen(long page)
    {
        while ((page = pages.Received.PreviousClear(page)) >= 0)
        {
            long head = page - (page % unit);
            if (NextOpen(head) == head) return page;
            page = head - 1;
        }

        return -1;
    }
}
