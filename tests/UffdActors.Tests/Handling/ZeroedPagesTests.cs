using UffdActors.Handling;
using UffdActors.Model.Mapping;

namespace UffdActors.Tests.Handling;

/// <summary>The set of pages that have lost their content without a write.</summary>
public sealed class ZeroedPagesTests
{
    private const int Pages = 300;

    [Fact]
    public void What_is_taken_is_what_was_added_in_the_range_once_whatever_words_it_lies_in()
    {
        Random random = new(5);
        ZeroedPages zeroed = new(Pages);
        HashSet<long> expected = [];
        for (int i = 0; i < 2000; i++)
        {
            long start = random.Next(Pages);
            PageRange range = new(start, start + 1 + random.Next((int)Math.Min(130, Pages - start)));
            if (i % 2 == 0)
            {
                zeroed.Add(range);
                for (long page = range.Start; page < range.End; page++) _ = expected.Add(page);
                continue;
            }

            List<PageRange> taken = zeroed.Take(range, _ => throw new InvalidOperationException("Nothing was announced."));
            Assert.Equal(expected.Where(p => p >= range.Start && p < range.End).Order(), PagesOf(taken));
            // As long as they can be.
            Assert.All(taken.Zip(taken.Skip(1)), pair => Assert.True(pair.First.End < pair.Second.Start));
            _ = expected.RemoveWhere(p => p >= range.Start && p < range.End);
        }
    }

    [Fact]
    public void A_page_that_was_only_announced_comes_once_more_if_it_is_still_there()
    {
        ZeroedPages zeroed = new(Pages);
        zeroed.Announce(new PageRange(62, 66));
        Assert.Equal([new(62, 66)], zeroed.Take(new PageRange(0, Pages), page => page > 63));
        Assert.Equal([new(64, 66)], zeroed.Take(new PageRange(0, Pages), _ => true));
        Assert.Empty(zeroed.Take(new PageRange(0, Pages), _ => true));
    }

    [Fact]
    public void Two_lists_of_ranges_are_one()
    {
        Assert.Equal([new(0, 4), new(6, 9)], ZeroedPages.Union([new(0, 2), new(6, 7)], [new(1, 4), new(7, 9)]));
        Assert.Equal([new(1, 8)], ZeroedPages.Union([new(1, 8)], [new(2, 3), new(4, 5)]));
        Assert.Equal([new(2, 3)], ZeroedPages.Union([], [new(2, 3)]));
    }

    private static IEnumerable<long> PagesOf(IEnumerable<PageRange> ranges) =>
        ranges.SelectMany(range => Enumerable.Range(0, (int)range.Count).Select(i => range.Start + i));
}
