namespace UffdActors.Bench.Tests;

public sealed class ComparisonTests
{
    [Fact]
    public void Ranges_with_a_value_in_common_overlap_and_others_are_apart()
    {
        Assert.True(new Spread(2, 1, 3).Overlaps(new Spread(4, 3, 5)));
        Assert.False(new Spread(2, 1, 3).Overlaps(new Spread(5, 3.5, 6)));
    }

    [Fact]
    public void The_median_of_an_even_number_is_the_mean_of_the_two_in_the_middle() =>
        Assert.Equal(new Spread(2.5, 1, 9), Spread.Of([9, 2, 1, 3]));

    [Fact]
    public void A_document_reads_back_as_it_was_written()
    {
        FaultBenchReport report = Report(rate: 1000);
        Assert.Equal(report.ToJson(), FaultBenchReport.Parse(report.ToJson(), "copy").ToJson());
    }

    [Fact]
    public void Twice_the_rate_is_a_ratio_of_two_and_apart()
    {
        BenchComparison comparison = BenchComparison.Of(Report(rate: 1000), Report(rate: 2000));
        ComparedFigure rate = Assert.Single(comparison.Figures, f => f.Name == "faults/s");
        Assert.Equal(2, rate.Ratio);
        Assert.False(rate.RangesOverlap);
        Assert.Empty(comparison.Notes);
    }

    [Fact]
    public void What_was_not_the_same_is_noted()
    {
        BenchComparison comparison = BenchComparison.Of(Report(1000), Report(1000) with { Content = "bytes" });
        Assert.Equal("Not the same content: A \"phantom\", B \"bytes\".", Assert.Single(comparison.Notes));
    }

    [Theory]
    [InlineData("\"version\": 1", "\"version\": 2", "version 2")]
    [InlineData("uffd-bench-faults", "uffd-postcopy", "uffd-postcopy")]
    [InlineData("faultsPerSecond", "faultsPerMinute", "faultsPerMinute")]
    public void Another_version_another_kind_or_other_units_are_refused(string written, string changed, string named)
    {
        string text = Report(1000).ToJson().Replace(written, changed, StringComparison.Ordinal);
        BenchException e = Assert.Throws<BenchException>(() => FaultBenchReport.Parse(text, "b.json"));
        Assert.Contains("b.json", e.Message, StringComparison.Ordinal);
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"dispatcher\": \"fault-loop\"", "\"dispatcher\": null")]
    [InlineData("\"content\": \"phantom\"", "\"content\": null")]
    [InlineData("\"cpus\": []", "\"cpus\": null")]
    [InlineData("\"cpus\": []", "\"cpus\": [-1]")]
    [InlineData("\"rows\": [", "\"rows\": [null,")]
    [InlineData("\"vcpus\": 4", "\"vcpus\": 0")]
    [InlineData("\"pages\": 10", "\"pages\": -1")]
    [InlineData("\"median\": 1000", "\"median\": -1000")]
    [InlineData("\"min\": 1000", "\"min\": 2000")]
    [InlineData("\"messagesPerFault\": 5", "\"messagesPerFault\": 1e999")]
    public void A_document_that_makes_no_sense_is_refused_whole(string written, string changed)
    {
        string text = Report(1000).ToJson();
        Assert.Contains(written, text, StringComparison.Ordinal);
        _ = Assert.Throws<BenchException>(() => FaultBenchReport.Parse(text.Replace(written, changed, StringComparison.Ordinal), "b.json"));
    }

    private static FaultBenchReport Report(double rate) => new()
    {
        Kind = FaultBenchReport.KindName,
        Version = FaultBenchReport.CurrentVersion,
        Machine = new BenchMachine(2, "runtime", "system", false),
        Content = "phantom",
        Mode = "missing",
        Pages = 10,
        Repeats = 1,
        Cpus = [],
        Rows =
        [
            new FaultBenchRow
            {
                Dispatcher = "fault-loop",
                Vcpus = 4,
                FaultsPerSecond = new Spread(rate, rate, rate),
                MessagesPerFault = 5,
                HopNanoseconds = new Spread(1, 1, 1),
                EmptyHopNanoseconds = new Spread(1, 1, 1),
                HopRatio = new Spread(1, 1, 1),
                CpuNanosecondsPerFault = new Spread(1, 1, 1),
                HopCpuRatio = new Spread(1, 1, 1),
                AllocatedBytesPerFault = new Spread(0, 0, 0),
            },
        ],
    };
}
