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

    [Fact]
    public void A_page_that_was_written_is_not_absent() =>
        Assert.False(Explained(Write(7, 0, 1), new PageEvent(PageEventKind.ResetIfAbsent, 0, 2, 3), Read(0, 4, 5)));

    [Fact]
    public void A_page_is_absent_again_after_a_reset_whatever_was_read_before()
    {
        PageEvent reset = new(PageEventKind.Reset, 0, 2, 3);
        Assert.True(Explained(Read(Source, 0, 1), reset, Read(0, 4, 5)));
        Assert.False(Explained(Read(Source, 0, 1), Read(0, 4, 5)));
    }

    /// <summary>What began in the step in which another ended may have come before it.</summary>
    [Theory]
    [InlineData(2, true)]
    [InlineData(3, false)]
    public void Only_what_has_ended_in_an_earlier_step_comes_before(int start, bool isExplained) =>
        Assert.Equal(isExplained, Explained(Write(7, 0, 2), Read(Source, start, 4)));

    [Theory]
    [InlineData(0, true)]
    [InlineData(9, true)]
    [InlineData(Source, false)]
    public void What_may_come_again_is_zeros_or_what_it_brings_and_never_what_was_there(ulong found, bool isExplained) =>
        Assert.Equal(isExplained, Explained(new PageEvent(PageEventKind.MayComeAgain, 9, 0, 1), Read(found, 2, 3)));

    [Theory]
    [InlineData(9, 0, true)]
    [InlineData(9, 9, true)]
    [InlineData(9, Source, true)]
    [InlineData(9, 8, false)]
    [InlineData(0, 0, true)]
    [InlineData(0, Source, true)]
    [InlineData(0, 9, false)]
    public void What_may_be_reset_is_what_was_there_or_zeros_or_what_it_brings(ulong brings, ulong found, bool isExplained) =>
        Assert.Equal(isExplained, Explained(new PageEvent(PageEventKind.MayReset, brings, 0, 1), Read(found, 2, 3)));

    /// <summary>Of a page that may have gone, as of one that has, a fill of zeros may have come; of one that has not, none.</summary>
    [Theory]
    [InlineData(PageEventKind.Reset)]
    [InlineData(PageEventKind.MayComeAgain)]
    [InlineData(PageEventKind.MayReset)]
    internal void Behind_a_reset_zeros_may_be_filled_in(PageEventKind reset)
    {
        PageEvent[] events = [Write(7, 0, 1), new(reset, 9, 2, 3), new(PageEventKind.ResetIfAbsent, 0, 4, 5), Read(0, 6, 7)];
        Assert.True(Explained(events));
        Assert.False(Explained([.. events[..1], .. events[2..]]));
    }

    [Fact]
    public void An_event_that_never_ended_may_still_be_to_come_and_one_that_has_ended_may_not()
    {
        Assert.True(Explained(Write(7, 0, int.MaxValue), Read(Source, 5, 6), Read(Source, 7, 8)));
        Assert.True(Explained(Write(7, 0, int.MaxValue), Read(Source, 5, 6), Read(7, 7, 8)));
        Assert.False(Explained(Write(7, 0, 6), Read(Source, 5, 6), Read(Source, 7, 8)));
    }

    [Fact]
    public void Every_order_of_thirty_events_is_searched_and_more_are_refused_rather_than_passed_over()
    {
        PageEvent[] events = [.. Enumerable.Range(0, 29).Select(i => Write((ulong)(100 + i), 2 * i, (2 * i) + 1)), Read(128, 90, 91)];
        Assert.True(Explained(events));
        Assert.False(Explained([.. events[..29], Read(127, 90, 91)]));
        InvalidOperationException refused = Assert.Throws<InvalidOperationException>(() => Explained([.. events, Read(128, 92, 93)]));
        Assert.Contains("31 events, and of 30 at the most", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_history_is_begun_anew()
    {
        PageHistory history = new();
        history.Add(Write(7, 0, 1));
        history.Add(Read(Source, 2, 3));
        Assert.False(history.IsExplained(Source));
        history.Clear();
        Assert.Empty(history.Events);
        for (int i = 0; i < 40; i++) history.Add(Write(7, i, i));
        // Without a read there is nothing to explain, however long it is.
        Assert.True(history.IsExplained(Source));
    }

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
