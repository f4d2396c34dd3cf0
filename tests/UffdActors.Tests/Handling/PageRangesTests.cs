using UffdActors.Handling;
using UffdActors.Model.Mapping;

namespace UffdActors.Tests.Handling;

/// <summary>A set of ranges, whatever has been cut out of it.</summary>
public sealed class PageRangesTests
{
    private const int Pages = 64;

    [Fact]
    public void After_any_changes_a_page_is_in_the_set_if_the_last_change_over_it_has_added_it()
    {
        Random random = new(1);
        for (int round = 0; round < 500; round++)
        {
            PageRanges ranges = new();
            bool[] expected = new bool[Pages + 20];
            for (int i = 0; i < 20; i++)
            {
                int start = random.Next(Pages);
                int count = random.Next(20);
                bool adds = random.Next(2) == 0;
                if (adds) ranges.Add(new PageRange(start, start + count));
                else ranges.Remove(new PageRange(start, start + count));
                expected.AsSpan(start, count).Fill(adds);
            }

            Assert.Equal(expected, Enumerable.Range(0, expected.Length).Select(page => ranges.Contains(page)));
            Assert.Equal(expected.LongCount(isIn => isIn), ranges.Pages);
            PageRange part = new(random.Next(Pages), Pages);
            Assert.Equal(
                Enumerable.Range((int)part.Start, (int)part.Count).Where(page => !expected[page]),
                ranges.Others(part).SelectMany(o => Enumerable.Range((int)o.Start, (int)o.Count)));
        }
    }

    [Fact]
    public void Cutting_a_range_into_thousands_allocates_no_copy_a_cut()
    {
        const int Cuts = 4000;
        PageRanges ranges = new();
        ranges.Add(new PageRange(0, 2 * Cuts));
        ranges.Remove(new PageRange(1, 2));

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 1; i < Cuts; i++) ranges.Remove(new PageRange((2 * i) + 1, (2 * i) + 2));

        Assert.Equal(Cuts, ranges.Count);
        // The list grows to twice its size now and then: all of that together is less than four times what it ends with.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 * Cuts * 2 * sizeof(long));
    }
}
