using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model.Memory;

namespace UffdActors.Explore.Scenes;

/// <summary>
/// The events of a context, applied page by page: a simple counterpart of <see cref="RegionView"/> and <see cref="RegionPages"/>, whose
/// ranges and bitmaps must agree with it, for huge pages at the first base page of each. Not compared after an event that overtook the
/// REMAP before it: such an event cannot be applied page by page.
/// </summary>
/// <param name="unit">Base pages in a page.</param>
internal sealed class PlainView(int unit)
{
    private readonly Dictionary<long, (int Region, long Page)> _pages = [];
    private readonly HashSet<long> _left = [];
    private readonly HashSet<(int Region, long Page)> _removed = [];
    private readonly HashSet<(int Region, long Page)> _given = [];

    /// <summary>True if events have come in another order than that in which the map has changed.</summary>
    public bool IsOvertaken { get; private set; }

    /// <summary>What is served in the beginning.</summary>
    public void Begin(RegionView view)
    {
        foreach (ServedRegion region in view.Regions)
        {
            for (long page = region.Range.Start; page < region.Range.End; page += unit) _pages.Add(page, (region.Id, region.PageOf(page)));
        }
    }

    /// <summary>The region's page at a page of the address space; null if none is served there.</summary>
    public (int Region, long Page)? At(long page) => _pages.TryGetValue(page, out (int, long) place) ? place : null;

    /// <summary>True if the guest has freed the page.</summary>
    public bool IsRemoved((int Region, long Page) place) => _removed.Contains(place);

    /// <summary>True if the page has been made writable since.</summary>
    public bool IsGiven((int Region, long Page) place) => _given.Contains(place);

    /// <summary>A protected page becomes writable.</summary>
    public void Give((int Region, long Page) place) => _given.Add(place);

    /// <summary>A message has been read.</summary>
    public void OnEvent(in UffdMsg message)
    {
        switch (message.Event)
        {
            case UffdEvent.Remove:
                for (long page = PageSize.PageOf(message.Start); page < PageSize.PageOf(message.End); page += unit)
                {
                    if (At(page) is { } place)
                    {
                        _ = _removed.Add(place);
                        _ = _given.Remove(place);
                    }
                    else
                    {
                        IsOvertaken = true;
                    }
                }

                break;
            case UffdEvent.Unmap:
                // The source range of a move: something else may be mapped there now.
                for (long page = PageSize.PageOf(message.Start); page < PageSize.PageOf(message.End); page += unit)
                    IsOvertaken |= _left.Contains(page) && At(page) is not null;
                Unmap(message.Start, message.End);
                break;
            case UffdEvent.Remap:
                Remap(PageSize.PageOf(message.From), PageSize.PageOf(message.To), PageSize.PageOf(message.Length));
                break;
        }
    }

    /// <summary>A range is not mapped any more.</summary>
    public void Unmap(ulong start, ulong end)
    {
        for (long page = PageSize.PageOf(start); page < PageSize.PageOf(end); page += unit) _ = _pages.Remove(page);
    }

    private void Remap(long from, long to, long pages)
    {
        List<(long Page, (int, long) Place)> moved = [];
        for (long i = 0; i < pages; i += unit)
        {
            if (_pages.Remove(from + i, out (int, long) place)) moved.Add((to + i, place));
            else IsOvertaken = true;
            _ = _left.Add(from + i);
        }

        Unmap(PageSize.AddressOf(to), PageSize.AddressOf(to + pages));
        foreach ((long page, (int, long) place) in moved) _pages[page] = place;
    }
}
