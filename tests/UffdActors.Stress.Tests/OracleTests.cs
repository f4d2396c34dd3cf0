using UffdActors.Model.Memory;
using UffdActors.Stress.Guest;
using UffdActors.Stress.Injection;
using UffdActors.Stress.Plan;
using UffdActors.Stress.Vcpus;

namespace UffdActors.Stress.Tests;

/// <summary>Each way to be wrong is found, and named by its sentence.</summary>
public sealed class OracleTests
{
    private const long Page = 3;

    // Nobody else may mend what the source does wrong.
    private static readonly StressOptions Alone =
        Stresses.Few with { EexistRate = 0, MostRounds = 200, SourceFaultRate = 0, WriteProtect = false };

    [SkippableTheory]
    [InlineData("fault-loop")]
    [InlineData("parallel")]
    [InlineData("live")]
    public async Task A_page_of_zeros_where_data_was_due_is_found(string place)
    {
        StressReport report = await BreakAsync(place, Alone, (_, order, receiver) =>
        {
            for (int i = 0; i < order.Pages; i++) receiver.Received(order.Id, order.FirstPage + i, 1, SourceContent.Zero, 0);
        });
        // By a vCPU, with the lock or without it; or after the lap, if nobody has looked before.
        Assert.Contains(report.Violation!.Oracle, new[] { StressOracle.ZeroPage, StressOracle.FinalBytes });
        Assert.NotNull(report.Violation.Page);
    }

    [SkippableTheory]
    [InlineData("fault-loop")]
    [InlineData("live")]
    public async Task Bytes_of_an_earlier_time_are_found(string place)
    {
        NativeBuffer old = new(PageSize.Base);
        Ledger ledger = new(Alone.Pages, Alone.Vcpus);
        Span<byte> bytes = stackalloc byte[PageSize.Base];
        ledger.WritePage(Page, bytes);
        old.Write(0, bytes);
        StressReport report = await BreakAsync(place, Alone, (_, order, receiver) =>
        {
            for (int i = 0; i < order.Pages; i++)
            {
                if (order.FirstPage + i == Page) receiver.Received(order.Id, Page, 1, SourceContent.Bytes, old.Address);
            }
        }, answersRest: true);
        // As it was at the very beginning: the pattern is right, the counters are not, once it has been counted in.
        Assert.Contains(
            report.Violation!.Oracle, new[] { StressOracle.Counter, StressOracle.ZeroPage, StressOracle.Lane, StressOracle.FinalBytes });
        Assert.Equal(Page, report.Violation.Page);
        old.Dispose();
    }

    [SkippableTheory]
    [InlineData("fault-loop")]
    [InlineData("parallel")]
    [InlineData("live")]
    public async Task A_fault_that_is_dropped_is_found_and_the_dump_says_where_it_is(string place)
    {
        // Longer than anything else takes on a slow machine.
        StressReport report = await BreakAsync(place, Alone with { Deadline = TimeSpan.FromSeconds(6) }, (_, _, _) => { });
        StressViolation violation = report.Violation!;
        Assert.Equal(StressOracle.Liveness, violation.Oracle);
        Assert.Contains($"page {Page}", violation.Message, StringComparison.Ordinal);
        Assert.Contains(violation.Details, line => line.Contains($"page {Page}, Fetching", StringComparison.Ordinal));
        Assert.Contains(violation.Details, line => line.StartsWith("passed: handler", StringComparison.Ordinal));
    }

    [Fact]
    public void Two_holders_of_one_lock_are_found()
    {
        Ledger ledger = new(8, 2);
        ledger.Begin(Page, isBare: false);
        PageVisit first = new(ledger, 0, hasMutex: true);
        PageVisit second = new(ledger, 1, hasMutex: true);
        foreach (PageVisit visit in new[] { first, second })
        {
            Assert.True(visit.Begin(Page, VisitKind.Increment, PageLayout.PatternAt(0)));
            Assert.True(visit.TryNext(out MemoryOp op));
            Assert.Equal(MemoryOpKind.TryLock, op.Kind);
            visit.Ended(1);
        }

        Assert.Equal(StressOracle.Exclusion, ledger.Violation?.Oracle);
        Assert.Equal("vCPU 1 got the lock of page 3, and vCPU 0 has it", ledger.Violation!.Message);
    }

    [Theory]
    [InlineData(PageLayout.Middle, StressOracle.WholePage)]
    [InlineData(PageLayout.Tail, StressOracle.WholePage)]
    [InlineData(PageLayout.Head, StressOracle.Counter)]
    internal void A_page_of_two_moments_and_a_lost_increment_are_found(int wrong, StressOracle oracle)
    {
        Ledger ledger = new(8, 1);
        byte[] page = new byte[PageSize.Base];
        ledger.Begin(Page, isBare: false);
        ledger.WritePage(Page, page);
        Visit(ledger, page);
        Visit(ledger, page);
        Assert.Null(ledger.Violation);

        BitConverter.TryWriteBytes(page.AsSpan(wrong), 1UL);
        Visit(ledger, page);
        Assert.Equal(oracle, ledger.Violation?.Oracle);
        Assert.Contains("read 1 instead of 2", ledger.Violation!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_a_page_held_before_it_was_given_back_is_found(bool withLock)
    {
        Ledger ledger = new(8, 1);
        byte[] page = new byte[PageSize.Base];
        ledger.Begin(Page, isBare: false);
        ledger.WritePage(Page, page);
        ledger.GiveBack(Page);
        ledger.Gone(Page);
        // The page is still there, as if a fill of before had come through.
        Visit(ledger, page, withLock ? VisitKind.Look : VisitKind.Peek);
        Assert.Equal(StressOracle.OldBytes, ledger.Violation?.Oracle);
    }

    /// <summary>Every byte: those that nobody reads under a lock, too.</summary>
    [Fact]
    public void A_wrong_byte_anywhere_in_a_page_is_found_after_the_lap_and_only_a_right_page_counts_as_compared()
    {
        byte[] right = new byte[PageSize.Base];
        new Ledger(8, 2).WritePage(Page, right);
        for (int wrong = 0; wrong < PageSize.Base; wrong++)
        {
            Ledger ledger = new(8, 2);
            byte[] page = [.. right];
            page[wrong] ^= 0x40;
            ledger.CheckWhole(Page, page);
            Assert.Equal((StressOracle.FinalBytes, Page), (ledger.Violation!.Oracle, ledger.Violation.Page));
            Assert.Equal(0, ledger.WholePages);
        }

        Ledger good = new(8, 2);
        good.CheckWhole(Page, right);
        Assert.Null(good.Violation);
        Assert.Equal(1, good.WholePages);
    }

    [Theory]
    [InlineData(true, false, "page 3 is not there after every vCPU has read it")]
    [InlineData(false, true, "page 3 is not there after the lap, and vCPUs have counted in it")]
    [InlineData(false, false, null)]
    public void A_page_that_is_absent_although_it_was_used_is_found(bool isRead, bool isCounted, string? flaw)
    {
        Ledger ledger = new(8, 1);
        using ShadowPages shadow = new(8);
        byte[] page = new byte[PageSize.Base];
        ledger.Begin(Page, isBare: false);
        shadow.Update(ledger, Page);
        ledger.WritePage(Page, page);
        if (isCounted) Visit(ledger, page);

        StressRound.CheckAbsent(ledger, shadow, Page, isRead, DropKind.BetweenLaps);

        Assert.Equal(flaw, ledger.Violation?.Message);
        if (flaw is not null) Assert.Equal((StressOracle.FinalBytes, Page), (ledger.Violation!.Oracle, ledger.Violation.Page));
    }

    private static void Visit(Ledger ledger, byte[] page, VisitKind kind = VisitKind.Increment)
    {
        PageVisit visit = new(ledger, 0, hasMutex: false);
        Assert.True(visit.Begin(Page, kind, PageLayout.PatternAt(7)));
        while (ledger.Violation is null && visit.TryNext(out MemoryOp op))
        {
            if (op.Kind == MemoryOpKind.Write) BitConverter.TryWriteBytes(page.AsSpan(op.Offset), op.Value);
            visit.Ended(BitConverter.ToUInt64(page.AsSpan(op.Offset)));
        }
    }

    private static Task<StressReport> BreakAsync(
        string place, StressOptions options, Action<ShadowPages, PageOrder, IPageReceiver> answer, bool answersRest = false) =>
        Stresses.RunAsync(place, options with
        {
            WrapSource = (source, shadow) => new BrokenSource(source, (order, receiver) =>
            {
                if (Page < order.FirstPage || Page >= order.FirstPage + order.Pages) return false;
                answer(shadow, order, receiver);
                return !answersRest || order.Pages == 1;
            }),
        });

    /// <summary>Three failures of the source in a row are an outage, and reported as one, although each was wanted.</summary>
    [Fact]
    public void What_was_injected_is_no_incident_of_the_VM_and_everything_else_is()
    {
        Assert.True(StressRound.WasInjected(new Incident(IncidentKind.SourceFailed, "", new InjectedSourceException())));
        Assert.False(StressRound.WasInjected(new Incident(IncidentKind.SourceFailed, "", new IOException())));
        Assert.False(StressRound.WasInjected(new Incident(IncidentKind.HandlerCrashed, "", new IOException())));
        // No failure that was wanted lasts so long.
        Assert.False(StressRound.WasInjected(new Incident(IncidentKind.PatienceOver, "", new InjectedSourceException())));
        Assert.Equal(
            [IncidentKind.UserModeOnly, IncidentKind.FillDelayed, IncidentKind.OutageEnded, IncidentKind.CloseTimedOut],
            Enum.GetValues<IncidentKind>().Where(kind => StressRound.WasInjected(new Incident(kind, ""))).OrderBy(Harmless.IndexOf));
    }

    private static readonly List<IncidentKind> Harmless =
        [IncidentKind.UserModeOnly, IncidentKind.FillDelayed, IncidentKind.OutageEnded, IncidentKind.CloseTimedOut];

    [Fact]
    public void A_round_in_which_nothing_moves_is_found()
    {
        Ledger ledger = new(8, 1);
        using ShadowPages shadow = new(8);
        // It is never run: no vCPU waits for a page, and nothing moves.
        StressRound round = new(Stresses.Few, RoundPlan.Draw(Stresses.Few, 0, canProtect: false), ledger, shadow, new InjectedCounts());
        using StressWatchdog watchdog = new(round, ledger, TimeSpan.FromMilliseconds(1));
        Assert.True(ledger.Violated.Token.WaitHandle.WaitOne(TimeSpan.FromMinutes(5)));
        Assert.Equal(StressOracle.Liveness, ledger.Violation!.Oracle);
        Assert.StartsWith("nothing has moved for ", ledger.Violation.Message, StringComparison.Ordinal);
    }
}
