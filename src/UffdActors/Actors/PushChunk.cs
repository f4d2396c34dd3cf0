using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Actors;

/// <summary>
/// The chunk that the background push has in hand: pieces of equal content, one after the other. In a region of larger pages every piece is
/// one page of the region, gathered from the answers about its parts.
/// </summary>
/// <param name="unit">Base pages in a page of the region.</param>
internal sealed class PushChunk(int unit)
{
    private readonly Queue<PageRun> _pieces = new();
    private readonly PageGather? _gather = unit > 1 ? new PageGather(unit) : null;
    private long _nextGathered;
    private PageRun _piece;
    private PushOrder? _order;

    /// <summary>What is left of the piece at hand; no pages if there is none.</summary>
    public PageRun Piece => _piece;

    /// <summary>True if no chunk is in hand.</summary>
    public bool IsEmpty => _order is null;

    /// <summary>Takes a chunk that has come into hand.</summary>
    public void Begin(PushOrder order)
    {
        _order = order;
        if (_gather is null)
        {
            foreach (PageRun piece in order.Pieces) _pieces.Enqueue(piece);
        }

        _nextGathered = order.FirstPage;
    }

    /// <summary>Takes the next piece.</summary>
    /// <returns>False if there is none: the chunk is done with.</returns>
    public bool TryNext() => _gather is { } gather ? TryGather(gather, _order!) : _pieces.TryDequeue(out _piece);

    /// <summary>
    /// The front of the piece that one call can fill: it is mapped in one stretch, all of it was removed or none of it, and all of it is
    /// protected or none. What was removed of a larger page is zeros, whatever the source has.
    /// </summary>
    /// <param name="region">The part of the region that holds the piece's first page.</param>
    public PageRun Front(ServedRegion region)
    {
        PageRun front = _piece with { Pages = (int)Math.Min(_piece.Pages, region.Range.End - region.Base - _piece.FirstPage) };
        if (region.Pages.HasRemoved) front = DropRemoved(region.Pages, front);
        return region.IsProtected ? front with { Pages = region.Pages.SameProtection(front.FirstPage, front.Pages) } : front;
    }

    /// <summary>Pages at the front of the piece are done with.</summary>
    public void Skip(int pages) => _piece = _piece.Behind(pages);

    /// <summary>Pages of the chunk from the piece in hand on, that one included.</summary>
    public PageRange Left => _order is { } order ? new PageRange(_piece.FirstPage, order.FirstPage + order.Pages) : default;

    /// <summary>Nothing of the chunk is filled any more.</summary>
    /// <returns>The order that had asked for it; no fill may be under way that reads its bytes.</returns>
    public PushOrder Drop()
    {
        PushOrder order = _order!;
        _order = null;
        _pieces.Clear();
        _piece = default;
        return order;
    }

    private bool TryGather(PageGather gather, PushOrder order)
    {
        _piece = default;
        if (_nextGathered >= order.FirstPage + order.Pages) return false;
        gather.Begin(_nextGathered, order.Buffer, (_nextGathered - order.FirstPage) << PageSize.BaseShift);
        foreach (PageRun part in order.Pieces) _ = gather.Add(part.FirstPage, part.Pages, part.Content, part.Data);
        _piece = new PageRun(_nextGathered, unit, gather.Content, gather.Data);
        _nextGathered += unit;
        return true;
    }

    private PageRun DropRemoved(RegionPages region, PageRun front)
    {
        if (_gather is { } gather)
        {
            gather.Drop(region);
            _piece = _piece with { Content = gather.Content, Data = gather.Data };
            return front with { Content = gather.Content, Data = gather.Data };
        }

        bool isRemoved = region.IsRemoved(front.FirstPage);
        int same = 1;
        while (same < front.Pages && region.IsRemoved(front.FirstPage + same) == isRemoved) same++;
        return front with { Pages = same, Content = isRemoved ? SourceContent.Zero : front.Content };
    }
}
