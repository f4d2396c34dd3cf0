using UffdActors.Pictures.History;
using UffdActors.Pictures.Recording;

namespace UffdActors.Pictures.Tests;

public sealed class RecorderTests
{
    private const ulong Address = 0x1000_0000;
    private long _now = 1_000;
    private long? _start;
    private long _count;

    [Fact]
    public void What_is_there_before_the_guest_runs_came_before_and_what_comes_later_was_pushed()
    {
        ulong[] received = [0b1];
        RunRecorder recorder = new();
        recorder.Begin(Run(Runs.Region(Address, received)));
        recorder.Look();
        (_start, _now, received[0]) = (2_000, 5_000, 0b11);
        recorder.Look();
        recorder.End(9_000);

        PageMap map = recorder.History().Map!;
        Assert.Equal(
            [(PageCause.Before, 0L), (PageCause.Push, 3_000L), (PageCause.Absent, 0L)],
            map.Arrivals.Take(3).Select(a => (a.Cause, a.Nanoseconds)));
    }

    [Fact]
    public void A_page_that_a_vCPU_waited_for_is_by_demand_whoever_saw_it_first()
    {
        ulong[] received = [0];
        RunRecorder recorder = new();
        recorder.Begin(Run(Runs.Region(Address, received)));
        (_start, _now) = (1_000, 1_000);
        // Told before a look, behind a look that took it for a push, and of a page that was there long before it faulted again.
        recorder.Take(Trace(0, raised: 1_100, resumed: 1_200));
        (_now, received[0]) = (1_500, 0b111);
        recorder.Look();
        recorder.Take(Trace(1, raised: 1_300, resumed: 1_400));
        recorder.Take(Trace(2, raised: 1_900, resumed: 1_950));
        recorder.End(1_000);

        Assert.Equal(
            [PageCause.Demand, PageCause.Demand, PageCause.Push],
            recorder.History().Map!.Arrivals.Take(3).Select(a => a.Cause));
        Assert.Equal(3, recorder.History().Faults.Faults);
    }

    [Fact]
    public void Faults_before_the_first_look_are_kept_until_it_is_known_when_the_run_began()
    {
        RunRecorder recorder = new(spans: 10);
        recorder.Take(Trace(5, raised: 1_100, resumed: 1_200));
        recorder.Begin(Run(Runs.Region(Address, [1UL << 5])));
        (_start, _now) = (1_000, 1_500);
        recorder.Look();

        FaultSpan span = Assert.Single(recorder.History().Spans);
        Assert.Equal((5, 100, 200), (span.Page, span.Raised, span.Resumed));
    }

    [Fact]
    public void Of_pages_of_2_MiB_each_counts_once()
    {
        ulong[] received = new ulong[3 * 512 / 64];
        for (int word = 0; word < 512 / 64; word++) received[(512 / 64) + word] = ulong.MaxValue;
        RunRecorder recorder = new();
        recorder.Begin(Run(Runs.Region(Address, received, pageBytes: 2 << 20)));
        (_start, _now) = (1_000, 1_500);
        recorder.Take(Trace(512 + 7, raised: 1_100, resumed: 1_200));
        recorder.Look();

        PageMap map = recorder.History().Map!;
        Assert.Equal((3, 2 << 20), (map.Pages, map.PageBytes));
        Assert.Equal([PageCause.Absent, PageCause.Demand, PageCause.Absent], map.Arrivals.Select(a => a.Cause));
        Assert.Equal(1, recorder.Snapshot(10).ReceivedPages);
    }

    [Fact]
    public void Nothing_behind_the_end_counts()
    {
        ulong[] received = [0];
        RunRecorder recorder = new();
        recorder.Begin(Run(Runs.Region(Address, received)));
        (_start, _now) = (1_000, 2_000);
        recorder.End();
        received[0] = 1;
        recorder.Look();
        recorder.Take(Trace(0, raised: 1_100, resumed: 1_200));

        Assert.Equal(0, recorder.History().Faults.Faults);
        Assert.Equal(PageCause.Absent, recorder.History().Map!.Arrivals[0].Cause);
        recorder.End(700);
        Assert.Equal(700, recorder.History().Nanoseconds);
    }

    [Fact]
    public void A_long_run_is_looked_at_ever_more_seldom_and_its_end_is_kept()
    {
        RunRecorder recorder = new();
        recorder.Begin(Run());
        _start = 0;
        for (int i = 1; i <= 20_000; i++)
        {
            (_now, _count) = (i * 1_000, i);
            recorder.Look();
        }

        RunHistory history = recorder.History();
        Assert.InRange(history.Moments.Count, MomentLog.Most / 4, MomentLog.Most);
        Assert.Equal((20_000_000, 20_000), (history.Moments[^1], history.Find("count")!.Last));
        Assert.Equal(history.Moments.Order(), history.Moments);
        long[] gaps = [.. history.Moments.Zip(history.Moments.Skip(1), (a, b) => b - a)];
        Assert.InRange(gaps.SkipLast(1).Max(), 0, 4 * gaps.SkipLast(1).Min());
    }

    [Fact]
    public void Of_many_faults_one_in_some_is_kept_evenly()
    {
        SpanLog log = new(100);
        for (int i = 0; i < 1_000; i++) log.Offer(Runs.Fault(0, i, 1));

        Assert.Equal(16, log.Stride);
        Assert.Equal(Enumerable.Range(0, 63).Select(i => 16L * i), log.All().Select(s => s.Page));
    }

    [Theory]
    [InlineData(0.1, 0, 4)]
    [InlineData(40, 0, 100)]
    [InlineData(36_000, 0, 1_000)]
    [InlineData(0.1, 3, 300)]
    public void A_look_costs_a_hundredth_of_the_time_at_most(double elapsedSeconds, double costMs, double dueMs) => Assert.Equal(
        dueMs,
        RunWatch.NextAfter(
            TimeSpan.FromSeconds(elapsedSeconds), TimeSpan.FromMilliseconds(costMs), TimeSpan.FromMilliseconds(4)).TotalMilliseconds,
        0.001);

    [Fact]
    public void Incidents_are_kept_with_their_time_and_those_that_are_too_many_are_counted()
    {
        RunRecorder recorder = new();
        recorder.Begin(Run());
        (_start, _now) = (1_000, 1_250);
        for (int i = 0; i < 203; i++) recorder.Take(new Incident(IncidentKind.SourceFailed, $"number {i}"));

        RunHistory history = recorder.History();
        Assert.Equal((250, "SourceFailed", "number 0"),
            (history.Incidents[0].Nanoseconds, history.Incidents[0].Kind, history.Incidents[0].Message));
        Assert.Equal((200, 3), (history.Incidents.Count, history.MoreIncidents));
    }

    private WatchedRun Run(params WatchedRegion[] regions) => new()
    {
        Now = () => _now,
        Start = () => _start,
        Regions = regions,
        Figures = [new("count", "things", true, () => _count)],
    };

    // A trace's stations are the runtime's to set.
    private static FaultTrace Trace(long page, long raised, long resumed)
    {
        FaultTrace trace = new();
        Set(trace, nameof(FaultTrace.Address), Address + ((ulong)page << 12));
        Set(trace, nameof(FaultTrace.Raised), raised);
        Set(trace, nameof(FaultTrace.Resumed), resumed);
        return trace;
    }

    private static void Set(FaultTrace trace, string name, object value) =>
        typeof(FaultTrace).GetProperty(name)!.SetValue(trace, value);
}
