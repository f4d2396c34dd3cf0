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
    public void A_page_whose_removal_was_announced_is_looked_at_twice_and_counts_once_it_has_gone()
    {
        ZeroedPages zeroed = new(Pages);
        PageRange all = new(0, Pages);
        zeroed.Announce(new PageRange(60, 70));
        Assert.Empty(zeroed.Take(all, _ => Removal.Kept));
        Assert.Equal([new(63, 65)], zeroed.Take(all, page => page is 63 or 64 ? Removal.Done : Removal.Kept));
        Assert.Empty(zeroed.Take(all, _ => Removal.Done));

        // One that was looked at once already is announced again: it is looked at twice from then on.
        zeroed.Announce(new PageRange(5, 6));
        Assert.Empty(zeroed.Take(all, _ => Removal.Kept));
        zeroed.Announce(new PageRange(5, 6));
        Assert.Empty(zeroed.Take(all, _ => Removal.Kept));
        Assert.Equal([new(5, 6)], zeroed.Take(all, _ => Removal.Done));

        // What may go at any time counts now, and once more.
        zeroed.Announce(new PageRange(9, 10));
        Assert.Equal([new(9, 10)], zeroed.Take(all, _ => Removal.MayCome));
        Assert.Equal([new(9, 10)], zeroed.Take(all, _ => Removal.Kept));
        Assert.Empty(zeroed.Take(all, _ => Removal.Done));
    }

    [Fact]
    public void The_event_of_a_call_of_ours_that_has_ended_announces_nothing_and_one_of_the_guests_beside_it_does()
    {
        ZeroedPages zeroed = new(Pages);
        PageRange all = new(0, Pages);
        zeroed.Announce(new PageRange(60, 70));
        zeroed.Announce(new PageRange(66, 68));
        zeroed.Add(new PageRange(60, 70));
        zeroed.Withdraw(new PageRange(60, 70));
        Assert.Equal([new(60, 70)], zeroed.Take(all, page => page is 66 or 67 ? Removal.MayCome : throw new InvalidOperationException()));
        Assert.Equal([new(66, 68)], zeroed.Take(all, _ => throw new InvalidOperationException()));
        Assert.Empty(zeroed.Take(all, _ => throw new InvalidOperationException()));
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
