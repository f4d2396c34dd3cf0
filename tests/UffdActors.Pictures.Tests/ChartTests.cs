using System.Text.Json.Nodes;
using UffdActors.Pictures.Charts;
using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Tests;

public sealed class ChartTests
{
    private static readonly RunHistory Run = Runs.Small();

    [Fact]
    public void The_map_shows_demand_and_push_where_and_when_they_came()
    {
        Chart map = PageCharts.Map(Run, Run.Map!);
        JsonArray rows = map.Data[0]!["z"]!.AsArray();
        int At(int row, long milliseconds) => (int)rows[row]![(int)(milliseconds * 2)]!;

        // Page 10 came at 30 ms because a vCPU waited, page 42 by push at the same time, page 43 as zeros; the last never.
        Assert.Equal([0, 5, 2], [At(10, 29), At(10, 30), At(10, 31)]);
        Assert.Equal([0, 4, 2], [At(42, 29), At(42, 30), At(42, 31)]);
        Assert.Equal([0, 3, 2], [At(43, 32), At(43, 33), At(43, 34)]);
        Assert.Equal(0, At(63, 99));
        Assert.Contains("vCPUs had waited for 32, and 1 have never come", map.Summary, StringComparison.Ordinal);
        Assert.Equal(["100", "0", "32", "16", "15", "1"], map.Table.Rows[^1]);
    }

    [Fact]
    public void Causes_are_stacked_up_to_all_pages()
    {
        Chart causes = PageCharts.ByCause(Run);
        Assert.Equal(FigureNames.Causes, causes.Data.Select(d => (string)d!["name"]!));
        Assert.Equal(63, causes.Data.Sum(d => (double)d!["y"]!.AsArray()[^1]!));
        Assert.StartsWith("63 pages in all: 32 by demand", causes.Summary, StringComparison.Ordinal);
    }

    [Fact]
    public void The_histogram_has_every_fault_in_powers_of_two()
    {
        Chart histogram = LatencyCharts.Histogram(Run);
        Assert.Equal(["4 us", "8 us", "16 us", "32 us", "64 us", "128 us", "256 us", "512 us"],
            histogram.Data[0]!["x"]!.AsArray().Select(x => (string)x!));
        Assert.Equal([100.0, 0, 0, 0, 0, 0, 0, 50], histogram.Data[0]!["y"]!.AsArray().Select(y => (double)y!));
    }

    [Fact]
    public void A_vCPU_is_as_dark_as_it_was_blocked()
    {
        Chart vcpus = VcpuCharts.Blocked(Run);
        Assert.Equal(["0", "600.0 us", "0.6 %"], vcpus.Table.Rows[0]);
        Assert.Equal(["1", "30.0 ms", "30.0 %"], vcpus.Table.Rows[1]);
        Assert.All(vcpus.Data[0]!["z"]![1]!.AsArray(), share => Assert.InRange((double)share!, 0, 100));
    }

    [Fact]
    public void Hops_name_the_longest()
    {
        Chart hops = LatencyCharts.Hops(Run);
        Assert.Equal(FaultSpan.HopNames, hops.Data.Select(d => (string)d!["name"]!));
        Assert.Equal("150", hops.Table.Rows[0][2]);
    }

    [Fact]
    public void Rates_are_differences_over_time()
    {
        Chart rates = RateCharts.Rates(Run, [Run.Series[0]]);
        Assert.Equal([1500.0, 1500.0], rates.Data[0]!["y"]!.AsArray().Select(y => (double)y!));
    }

    [Fact]
    public void A_run_without_anything_has_no_charts_and_is_no_error()
    {
        RunHistory empty = new()
        {
            Nanoseconds = 1,
            Moments = [],
            Series = [],
            Faults = new FaultBins(),
            Spans = [],
            SpanStride = 1,
            Map = null,
            Incidents = [],
            MoreIncidents = 0,
        };
        Assert.Empty(RunCharts.Of(empty));
    }
}
