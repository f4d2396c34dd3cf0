using UffdActors.Model.Memory;
using UffdActors.Stress.Guest;
using UffdActors.Stress.Vcpus;

namespace UffdActors.Stress.Tests;

/// <summary>A visit to a page, touch by touch: what it leaves there, and what each of its checks says of a page that is wrong.</summary>
public sealed class PageVisitTests
{
    private const int Pages = 8;
    private const int Vcpus = 2;
    private const long Page = 3;

    private static readonly int Word = PageLayout.PatternAt(7);

    private readonly Ledger _ledger = new(Pages, Vcpus);
    private readonly byte[] _page = new byte[PageSize.Base];

    public PageVisitTests() => Begin(isBare: false);

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void What_visits_leave_behind_is_what_the_ledger_says(bool hasMutex, bool isBare)
    {
        Begin(isBare);
        // A neighbour's counters are its own.
        byte[] neighbour = new byte[PageSize.Base];
        _ledger.WritePage(Page + 1, neighbour);
        Visit(0, hasMutex);
        Visit(1, hasMutex);
        Visit(1, hasMutex);
        Visit(0, hasMutex, VisitKind.Look);

        Assert.Null(_ledger.Violation);
        Assert.Equal((3ul, 1ul, 2ul), (WordAt(PageLayout.Head), WordAt(PageLayout.LaneOf(0)), WordAt(PageLayout.LaneOf(1))));
        Assert.Equal(0, _ledger.HolderOf(Page));
        _ledger.CheckWhole(Page, _page);
        _ledger.CheckWhole(Page + 1, neighbour);
        Assert.Equal((null, 2L), (_ledger.Violation, _ledger.WholePages));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_visit_asks_every_oracle_of_its_kind(bool isBare)
    {
        Begin(isBare);
        foreach (bool hasMutex in new[] { false, true }) Visit(0, hasMutex);
        Visit(0, hasMutex: true, VisitKind.Peek);

        StressOracle content = isBare ? StressOracle.OldBytes : StressOracle.ZeroPage;
        Dictionary<StressOracle, long> expected = new()
        {
            [StressOracle.Exclusion] = 2,
            [StressOracle.Counter] = 2,
            [StressOracle.WholePage] = 2,
            [StressOracle.Lane] = 2,
            [content] = 3,
        };
        Assert.All(StressOracles.All, oracle => Assert.Equal(expected.GetValueOrDefault(oracle), _ledger.ChecksOf(oracle)));
    }

    [Theory]
    [InlineData(PageLayout.Head, 1, StressOracle.Counter, "1 instead of 2 under the lock of page 3, the counter (an increment is lost)")]
    [InlineData(PageLayout.Head, 3, StressOracle.Counter, "3 instead of 2 under the lock of page 3, the counter (an increment too many)")]
    [InlineData(PageLayout.Head, 1ul << 40, StressOracle.Counter,
        "0x0000010000000000 instead of 2 under the lock of page 3, the counter (an increment too many)")]
    [InlineData(PageLayout.Head, 0, StressOracle.ZeroPage, "0 instead of 2 under the lock of page 3, the counter")]
    [InlineData(PageLayout.Middle, 3, StressOracle.WholePage, "3 instead of 2 under the lock of page 3, the counter's copy in the middle")]
    [InlineData(PageLayout.Tail, 0, StressOracle.ZeroPage, "0 instead of 2 under the lock of page 3, the counter's copy at the end")]
    [InlineData(512, 1, StressOracle.Lane, "1 instead of 2 under the lock of page 3, lane 0 (an increment is lost)")]
    internal void A_wrong_word_under_the_lock_is_named_by_its_place_and_what_it_means(
        int offset, ulong wrong, StressOracle oracle, string message)
    {
        foreach (bool hasMutex in new[] { false, true })
        {
            PageVisitTests one = new();
            one.Visit(0, hasMutex);
            one.Visit(0, hasMutex);
            one.Put(offset, wrong);
            one.Visit(0, hasMutex, VisitKind.Look);
            Assert.Equal((oracle, $"vCPU 0 read {message}", Page), Found(one._ledger));
        }
    }

    [Fact]
    public void A_lane_is_wrong_for_the_vCPU_that_it_belongs_to()
    {
        Visit(0, hasMutex: true);
        Visit(1, hasMutex: true);
        Put(PageLayout.LaneOf(1), 5);
        Visit(0, hasMutex: true, VisitKind.Look);
        Assert.Null(_ledger.Violation);
        Visit(1, hasMutex: true, VisitKind.Look);
        Assert.Equal(
            (StressOracle.Lane, "vCPU 1 read 5 instead of 1 under the lock of page 3, lane 1 (an increment too many)", Page),
            Found(_ledger));
    }

    /// <summary>A page that was given back is counted in like any other: what it holds then is no old byte.</summary>
    [Fact]
    public void A_wrong_counter_of_a_page_without_pattern_is_a_wrong_counter()
    {
        Begin(isBare: true);
        Visit(0, hasMutex: true);
        Visit(0, hasMutex: true);
        Put(PageLayout.Head, 1);
        Visit(0, hasMutex: true);
        Assert.Equal(StressOracle.Counter, _ledger.Violation?.Oracle);
    }

    [Theory]
    [InlineData(0x77ul, StressOracle.WholePage)]
    [InlineData(0ul, StressOracle.ZeroPage)]
    internal void A_wrong_word_of_the_pattern_is_found_with_the_lock_and_without(ulong wrong, StressOracle oracle)
    {
        foreach (VisitKind kind in new[] { VisitKind.Peek, VisitKind.Look })
        {
            PageVisitTests one = new();
            one.Put(Word, wrong);
            one.Visit(0, hasMutex: true, kind);
            Assert.Equal(oracle, one._ledger.Violation?.Oracle);
            Assert.Contains($"the pattern at offset {Word}", one._ledger.Violation!.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Without the lock: zeros are right from the announcement on, the pattern until the page has gone.</summary>
    [Theory]
    [InlineData(false, false, true, null)]
    [InlineData(false, false, false, StressOracle.ZeroPage)]
    [InlineData(true, false, true, null)]
    [InlineData(true, false, false, null)]
    [InlineData(true, true, true, StressOracle.OldBytes)]
    [InlineData(true, true, false, null)]
    internal void A_look_without_the_lock_knows_how_far_giving_back_has_come(
        bool isGivenBack, bool isGone, bool findsPattern, StressOracle? oracle)
    {
        if (isGivenBack) _ledger.GiveBack(Page);
        if (isGone) _ledger.Gone(Page);
        if (!findsPattern) Put(Word, 0);
        Visit(1, hasMutex: true, VisitKind.Peek);
        Assert.Equal(oracle, _ledger.Violation?.Oracle);
        if (oracle is null) return;
        Assert.StartsWith("vCPU 1 read 0x", _ledger.Violation!.Message, StringComparison.Ordinal);
        Assert.EndsWith(
            isGone ? "; the page had been given back" : $"; it holds 0x{PageLayout.PatternOf(Page, Word):x16}",
            _ledger.Violation.Message, StringComparison.Ordinal);
    }

    /// <summary>What goes while a look without the lock is under way may still have been there when it was made.</summary>
    [Fact]
    public void A_page_that_goes_during_a_look_may_still_have_been_seen()
    {
        PageVisit visit = new(_ledger, 0, hasMutex: true);
        Assert.True(visit.Begin(Page, VisitKind.Peek, Word));
        Assert.True(visit.TryNext(out MemoryOp op));
        Assert.Equal(new MemoryOp(MemoryOpKind.Read, Word), op);
        _ledger.GiveBack(Page);
        _ledger.Gone(Page);
        visit.Ended(PageLayout.PatternOf(Page, Word));
        Assert.Null(_ledger.Violation);
        Assert.False(visit.TryNext(out _));
    }

    [Fact]
    public void A_mutex_that_is_taken_ends_the_visit_and_nothing_is_claimed()
    {
        PageVisit visit = new(_ledger, 0, hasMutex: true);
        Assert.True(visit.Begin(Page, VisitKind.Increment, Word));
        Assert.True(visit.TryNext(out MemoryOp op));
        Assert.Equal(new MemoryOp(MemoryOpKind.TryLock, PageLayout.Lock), op);
        visit.Ended(0);
        Assert.False(visit.TryNext(out _));
        Assert.Equal((0, null), (_ledger.HolderOf(Page), _ledger.Violation));
    }

    [Fact]
    public void Without_a_mutex_the_ledger_is_the_lock_and_a_look_without_it_is_free()
    {
        PageVisit first = new(_ledger, 0, hasMutex: false);
        PageVisit second = new(_ledger, 1, hasMutex: false);
        Assert.True(first.Begin(Page, VisitKind.Look, Word));
        Assert.Equal(1, _ledger.HolderOf(Page));
        Assert.False(second.Begin(Page, VisitKind.Increment, Word));
        Assert.True(second.Begin(Page, VisitKind.Peek, Word));
        Assert.Null(_ledger.Violation);
    }

    [Fact]
    public void A_page_whose_word_says_that_another_has_its_lock_is_found_at_once()
    {
        Put(PageLayout.Lock, 2);
        Visit(0, hasMutex: false);
        Assert.Equal(
            (StressOracle.Exclusion, "vCPU 0 got the lock of page 3, and the page says that vCPU 1 has it", Page), Found(_ledger));
        // Nothing was counted behind it.
        Assert.Equal((0ul, 0ul), (_ledger.CountOf(Page), WordAt(PageLayout.Head)));
    }

    [Fact]
    public void A_page_whose_word_says_at_the_end_that_another_has_its_lock_is_found()
    {
        Visit(0, hasMutex: false, before: op =>
        {
            if (op == new MemoryOp(MemoryOpKind.Write, PageLayout.Tail, 1)) Put(PageLayout.Lock, 2);
        });
        Assert.Equal((StressOracle.Exclusion, "vCPU 0 got the lock of page 3, and the page says 2 instead of 1", Page), Found(_ledger));
    }

    [Fact]
    public void The_first_violation_counts_and_ends_the_run()
    {
        Assert.False(_ledger.Violated.IsCancellationRequested);
        _ledger.Violate(StressOracle.Lane, "first", 1);
        Assert.True(_ledger.Violated.IsCancellationRequested);
        _ledger.Violate(StressOracle.Counter, "second", 2);
        Assert.Equal((StressOracle.Lane, "first", 1L), Found(_ledger));
        Assert.Empty(_ledger.Violation!.Details);
    }

    [Theory]
    [InlineData(PageLayout.Middle, "page 3, the counter's copy in the middle: 9 instead of 0 after the lap")]
    [InlineData(8, "page 3, the lock: 9 instead of 0 after the lap")]
    [InlineData(72, "page 3, offset 72: 9 instead of 0 after the lap")]
    public void A_wrong_word_after_the_lap_is_named_by_its_place(int offset, string message)
    {
        Put(offset, 9);
        _ledger.CheckWhole(Page, _page);
        Assert.Equal((StressOracle.FinalBytes, message, Page), Found(_ledger));
        Assert.Equal(1, _ledger.ChecksOf(StressOracle.FinalBytes));
    }

    [Fact]
    public void The_first_word_of_the_pattern_is_no_lane()
    {
        Put(1024, 9);
        _ledger.CheckWhole(Page, _page);
        Assert.StartsWith("page 3, the pattern at offset 1024: 9 instead of 0x", _ledger.Violation!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_word_of_the_pattern_is_drawn_and_says_which_page_and_which_place_it_is()
    {
        HashSet<int> offsets = [.. Enumerable.Range(0, 4 * PageSize.Base).Select(draw => PageLayout.PatternAt((ulong)draw))];
        // All but the two copies of the counter that lie among them.
        Assert.Equal(((PageSize.Base - 1024) / sizeof(ulong)) - 2, offsets.Count);
        Assert.DoesNotContain(PageLayout.Middle, offsets);
        Assert.DoesNotContain(PageLayout.Tail, offsets);
        Assert.All(offsets, offset => Assert.InRange(offset, 1024, PageSize.Base - sizeof(ulong)));
        ulong[] words = [.. Enumerable.Range(0, Pages).SelectMany(page => offsets.Select(offset => PageLayout.PatternOf(page, offset)))];
        Assert.Equal(words.Length, words.Distinct().Count());
        Assert.DoesNotContain(0ul, words);
    }

    [Fact]
    public void The_source_holds_what_the_ledger_said_when_it_was_asked_and_knows_pages_of_zeros()
    {
        using ShadowPages shadow = new(Pages);
        Visit(0, hasMutex: true);
        shadow.Update(_ledger, Page);
        Assert.True(shadow.Holds(Page, _page));
        Assert.False(shadow.IsZero(Page));
        foreach (int at in new[] { 0, (PageSize.Base / 2) - 1, PageSize.Base / 2, PageSize.Base - 1 })
        {
            _page[at] ^= 1;
            Assert.False(shadow.Holds(Page, _page));
            _page[at] ^= 1;
        }

        Visit(0, hasMutex: true);
        Assert.False(shadow.Holds(Page, _page));

        _ledger.Begin(Page + 1, isBare: true);
        shadow.Update(_ledger, Page + 1);
        Assert.True(shadow.IsZero(Page + 1));
        Assert.True(shadow.Holds(Page + 1, new byte[PageSize.Base]));
        // Where one page ends the next begins.
        Assert.Equal(PageSize.Base, shadow.AddressOf(Page + 1) - shadow.AddressOf(Page));
    }

    private static (StressOracle Oracle, string Message, long Page) Found(Ledger ledger) =>
        (ledger.Violation!.Oracle, ledger.Violation.Message, ledger.Violation.Page!.Value);

    private void Begin(bool isBare)
    {
        _ledger.Begin(Page, isBare);
        _ledger.WritePage(Page, _page);
    }

    private void Put(int offset, ulong word) => BitConverter.TryWriteBytes(_page.AsSpan(offset), word);

    private ulong WordAt(int offset) => BitConverter.ToUInt64(_page.AsSpan(offset));

    private void Visit(int vcpu, bool hasMutex, VisitKind kind = VisitKind.Increment, Action<MemoryOp>? before = null)
    {
        PageVisit visit = new(_ledger, vcpu, hasMutex);
        Assert.True(visit.Begin(Page, kind, Word));
        while (_ledger.Violation is null && visit.TryNext(out MemoryOp op))
        {
            before?.Invoke(op);
            if (op.Kind == MemoryOpKind.Write) Put(op.Offset, op.Value);
            visit.Ended(op.Kind == MemoryOpKind.TryLock ? 1 : WordAt(op.Offset));
        }
    }
}
