namespace UffdActors.Tests.Prefetch;

/// <summary>Which page comes next: decided by what is wanted and the newest demand alone.</summary>
public sealed class PrefetchOrderTests
{
    [Fact]
    public void Linear_goes_from_the_first_to_the_last_over_what_is_there_and_heeds_no_demand()
    {
        Wanted wanted = new(6, there: [1, 2]);
        Assert.Equal([0, 3, 4, 5], Fetch(new LinearOrder(), wanted, (2, 5)));
    }

    [Fact]
    public void Linear_begins_anew_when_something_before_the_cursor_is_wanted_again()
    {
        Wanted wanted = new(3, there: []);
        LinearOrder order = new();
        Assert.Equal([0, 1, 2], Fetch(order, wanted));
        wanted.Forget(1);
        Assert.Equal([1], Fetch(order, wanted));
    }

    [Fact]
    public void Locality_goes_on_behind_the_newest_demand_and_comes_back_to_the_rest()
    {
        Wanted wanted = new(8, there: [5]);
        // Page 5 is demanded when one page has been fetched.
        Assert.Equal([0, 6, 7, 1, 2, 3, 4], Fetch(new LocalityOrder(), wanted, (1, 5)));
    }

    [Fact]
    public void Bubble_grows_on_both_sides_of_the_newest_demand()
    {
        Wanted wanted = new(9, there: [4]);
        Assert.Equal([5, 3, 6, 2, 7, 1, 8, 0], Fetch(new BubbleOrder(), wanted, (0, 4)));
    }

    [Fact]
    public void Bubble_fetches_a_chunk_below_a_demand_that_ends_with_the_page_next_to_it()
    {
        Wanted wanted = new(16, there: [10]);
        BubbleOrder order = new();
        int most = 4;
        Assert.Equal((11, 4), (order.Next(wanted, 10, ref most), most));
        wanted.Take(11, 4);
        Assert.Equal((6, 4), (order.Next(wanted, -1, ref most), most));
        wanted.Take(6, 4);
        Assert.Equal((15, 4), (order.Next(wanted, -1, ref most), most));
        wanted.Take(15, 1);
        Assert.Equal((2, 4), (order.Next(wanted, -1, ref most), most));
    }

    [Fact]
    public void Bubble_does_not_reach_below_over_a_page_that_is_there()
    {
        Wanted wanted = new(16, there: [10, 8]);
        BubbleOrder order = new();
        int most = 4;
        _ = order.Next(wanted, 10, ref most);
        wanted.Take(11, 4);
        Assert.Equal((9, 1), (order.Next(wanted, -1, ref most), most));
    }

    [Fact]
    public void A_recorded_set_comes_first_in_its_own_order_without_what_is_there_and_then_the_rest()
    {
        Wanted wanted = new(8, there: [6]);
        RecordedOrder order = new(new WorkingSet(8, [7, 6, 2, 3]), new LinearOrder());
        Assert.Equal([7, 2, 3, 0, 1, 4, 5], Fetch(order, wanted));
    }

    [Fact]
    public void A_recorded_set_alone_ends_with_its_last_page()
    {
        Wanted wanted = new(8, there: []);
        Assert.Equal([7, 2], Fetch(new RecordedOrder(new WorkingSet(8, [7, 2])), wanted));
    }

    [Fact]
    public void Pages_of_a_recorded_set_go_together_only_as_far_as_they_were_touched_one_after_another()
    {
        Wanted wanted = new(16, there: []);
        RecordedOrder order = new(new WorkingSet(16, [4, 5, 6, 9]));
        int most = 8;
        Assert.Equal((4, 3), (order.Next(wanted, -1, ref most), most));
        most = 2;
        wanted.Take(4, 3);
        Assert.Equal((9, 1), (order.Next(wanted, -1, ref most), most));
    }

    [Fact]
    public void A_recorded_set_of_a_larger_region_is_taken_as_far_as_this_one_goes()
    {
        Wanted wanted = new(4, there: []);
        Assert.Equal([1], Fetch(new RecordedOrder(new WorkingSet(8, [6, 1])), wanted));
    }

    // Page by page until nothing more is to be fetched; a demand comes when so many pages have been fetched.
    private static List<long> Fetch(IPrefetchOrder order, Wanted wanted, (int Fetched, long Page)? demand = null)
    {
        List<long> fetched = [];
        while (true)
        {
            int most = 1;
            long page = order.Next(wanted, demand is { } d && d.Fetched == fetched.Count ? d.Page : -1, ref most);
            if (page < 0) return fetched;
            Assert.Equal(1, most);
            fetched.Add(page);
            wanted.Take(page, 1);
        }
    }

    private sealed class Wanted(int pages, long[] there) : IWantedPages
    {
        private readonly HashSet<long> _there = [.. there];

        public long Pages => pages;

        public void Take(long page, int count)
        {
            for (long at = page; at < page + count; at++) Assert.True(_there.Add(at), $"page {at} comes twice");
        }

        public void Forget(long page) => _ = _there.Remove(page);

        public long Next(long page)
        {
            while (page < pages && _there.Contains(page)) page++;
            return page;
        }

        public long Previous(long page)
        {
            while (page >= 0 && _there.Contains(page)) page--;
            return page;
        }
    }
}
