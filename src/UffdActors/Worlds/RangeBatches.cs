using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Worlds;

/// <summary>
/// Puts ranges of a region together to batches: no more pages than a fault that comes in between may wait for, and no more calls than are
/// made before cancellation is looked at. Pure, as <see cref="RangeSlices"/> is.
/// </summary>
internal sealed class RangeBatches
{
    /// <summary>Calls of a batch. One over a page takes some 15 microseconds with the flush of the TLBs of running vCPUs.</summary>
    public const int Calls = 512;

    private readonly IReadOnlyList<PageRange> _ranges;
    private readonly long _slice;
    private int _at;
    private long _into;

    /// <summary>Begins.</summary>
    /// <param name="region">Region.</param>
    /// <param name="ranges">Ranges of it.</param>
    public RangeBatches(GuestRegion region, IReadOnlyList<PageRange> ranges)
    {
        _ranges = ranges;
        _slice = Math.Max(RangeSlices.Bytes, region.PageBytes) >> PageSize.BaseShift;
        Next = Cut();
    }

    /// <summary>What to call next; empty when all is done.</summary>
    public IReadOnlyList<PageRange> Next { get; private set; }

    /// <summary>Base pages that are done, of all ranges in their order.</summary>
    public long PagesDone { get; private set; }

    /// <summary>Takes note of what is done.</summary>
    /// <param name="calls">Calls of <see cref="Next"/>, from the first on.</param>
    public void Take(int calls)
    {
        for (int i = 0; i < calls; i++)
        {
            long count = Next[i].Count;
            PagesDone += count;
            _into += count;
            if (_into < _ranges[_at].Count) continue;
            _at++;
            _into = 0;
        }

        Next = Cut();
    }

    private List<PageRange> Cut()
    {
        List<PageRange> batch = [];
        long left = _slice;
        long into = _into;
        for (int i = _at; i < _ranges.Count && batch.Count < Calls && left > 0; i++, into = 0)
        {
            PageRange rest = _ranges[i] with { Start = _ranges[i].Start + into };
            PageRange part = rest with { End = Math.Min(rest.End, rest.Start + left) };
            // A range that fits into a turn of its own is not cut.
            if (part != rest && batch.Count > 0) break;
            batch.Add(part);
            left -= part.Count;
        }

        return batch;
    }
}
