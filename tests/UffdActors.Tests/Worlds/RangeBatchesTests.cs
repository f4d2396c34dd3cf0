using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Worlds;

namespace UffdActors.Tests.Worlds;

/// <summary>How calls over several ranges are put together.</summary>
public sealed class RangeBatchesTests
{
    private const long Slice = RangeSlices.Bytes >> PageSize.BaseShift;

    [Fact]
    public void A_batch_has_no_more_calls_and_no_more_pages_than_it_may()
    {
        PageRange[] single = [.. Enumerable.Range(0, RangeBatches.Calls + 3).Select(i => new PageRange(2 * i, (2 * i) + 1))];
        Assert.Equal([RangeBatches.Calls, 3], Batches(single).Select(b => b.Count));
        Assert.Equal(single, Batches(single).SelectMany(b => b));

        // One that would be cut by what is before it waits for the next batch; one that is larger is cut.
        Assert.Equal(
            [[new(0, 1)], [new(2, Slice + 2)], [new(Slice + 8, (2 * Slice) + 8)], [new((2 * Slice) + 8, (2 * Slice) + 9)]],
            Batches([new(0, 1), new(2, Slice + 2), new(Slice + 8, (2 * Slice) + 9)]));
        Assert.Empty(Batches([]));
    }

    [Fact]
    public void What_was_not_done_comes_again()
    {
        RangeBatches batches = new(Region(), [new(0, 4), new(6, 8), new(9, 10)]);
        batches.Take(1);
        Assert.Equal([new(6, 8), new(9, 10)], batches.Next);
        Assert.Equal(4, batches.PagesDone);
        batches.Take(0);
        Assert.Equal([new(6, 8), new(9, 10)], batches.Next);
        batches.Take(2);
        Assert.Empty(batches.Next);
        Assert.Equal(7, batches.PagesDone);
    }

    private static List<IReadOnlyList<PageRange>> Batches(IReadOnlyList<PageRange> ranges)
    {
        List<IReadOnlyList<PageRange>> all = [];
        RangeBatches batches = new(Region(), ranges);
        while (batches.Next.Count > 0)
        {
            all.Add(batches.Next);
            batches.Take(batches.Next.Count);
        }

        return all;
    }

    private static GuestRegion Region() => new(0, 0x1000_0000_0000, 3 * Slice, null, PageSize.Base, 0);
}
