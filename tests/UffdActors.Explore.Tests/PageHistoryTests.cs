using UffdActors.Explore.Oracles;

namespace UffdActors.Explore.Tests;

public class PageHistoryTests
{
    private const ulong Source = 5;

    [Fact]
    public void A_read_may_find_what_was_written_before_it() =>
        Assert.True(Explained(Write(7, 0, 1), Read(7, 2, 3)));

    [Fact]
    public void A_read_may_find_either_side_of_a_write_that_overlaps_it() =>
        Assert.True(Explained(Write(7, 0, 9), Read(Source, 1, 2), Read(7, 3, 4)));

    [Fact]
    public void A_read_never_goes_back_behind_another() =>
        Assert.False(Explained(Write(7, 0, 9), Read(7, 1, 2), Read(Source, 3, 4)));

    [Fact]
    public void A_write_that_has_ended_is_not_lost() =>
        Assert.False(Explained(Write(7, 0, 1), Read(Source, 2, 3)));

    [Fact]
    public void A_write_that_may_not_have_come_to_it_explains_either_value() =>
        Assert.True(Explained(MayWrite, Read(Source, 1, 2)) && Explained(MayWrite, Read(7, 1, 2)));

    [Fact]
    public void A_write_that_may_not_have_come_to_it_explains_no_other_value_and_no_way_back() =>
        Assert.False(Explained(MayWrite, Read(0, 1, 2)) || Explained(MayWrite, Read(7, 1, 2), Read(Source, 3, 4)));

    [Fact]
    public void Old_bytes_do_not_come_back_after_a_reset() =>
        Assert.False(Explained(new PageEvent(PageEventKind.Reset, 0, 0, 1), Read(Source, 2, 3)));

    [Fact]
    public void A_page_that_was_read_is_not_absent() =>
        Assert.False(Explained(Read(Source, 0, 1), new PageEvent(PageEventKind.ResetIfAbsent, 0, 2, 3), Read(0, 4, 5)));

    [Fact]
    public void A_page_that_nobody_has_touched_may_have_been_absent() =>
        Assert.True(Explained(new PageEvent(PageEventKind.ResetIfAbsent, 0, 0, 1), Read(0, 2, 3)));

    private static PageEvent MayWrite => new(PageEventKind.MayWrite, 7, 0, 9);

    private static bool Explained(params PageEvent[] events)
    {
        PageHistory history = new();
        foreach (PageEvent happened in events) history.Add(happened);
        return history.IsExplained(Source);
    }

    private static PageEvent Read(ulong value, int start, int end) => new(PageEventKind.Read, value, start, end);

    private static PageEvent Write(ulong value, int start, int end) => new(PageEventKind.Write, value, start, end);
}
