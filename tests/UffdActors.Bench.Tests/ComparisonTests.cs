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
    public void Twice_the_rate_is_a_ratio_of_two_and_apart()
    {
        BenchComparison comparison = BenchComparison.Of(SampleReport.Of(rate: 1000), SampleReport.Of(rate: 2000));
        ComparedFigure rate = Assert.Single(comparison.Figures, f => f.Name == "faults/s");
        Assert.Equal(2, rate.Ratio);
        Assert.False(rate.RangesOverlap);
        Assert.Empty(comparison.Notes);
    }

    [Fact]
    public void Rows_that_only_one_of_the_two_has_are_noted()
    {
        FaultBenchReport one = SampleReport.Of(1000);
        FaultBenchReport two = one with { Rows = [.. one.Rows, one.Rows[0] with { Vcpus = 16 }] };
        Assert.Equal("Only B has fault-loop with 16 vCPUs.", Assert.Single(BenchComparison.Of(one, two).Notes));
        Assert.Equal("Only A has fault-loop with 16 vCPUs.", Assert.Single(BenchComparison.Of(two, one).Notes));
    }

    [Fact]
    public void What_was_not_the_same_is_noted()
    {
        BenchComparison comparison = BenchComparison.Of(SampleReport.Of(1000), SampleReport.Of(1000) with { Content = "bytes" });
        Assert.Equal("Not the same content: A \"phantom\", B \"bytes\".", Assert.Single(comparison.Notes));
    }
}
