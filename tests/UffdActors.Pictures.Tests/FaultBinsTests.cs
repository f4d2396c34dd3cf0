using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Tests;

public sealed class FaultBinsTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(1_000)]
    [InlineData(123_456_789)]
    [InlineData(1L << 39)]
    public void A_bucket_is_within_nine_percent_of_what_falls_into_it(long nanoseconds)
    {
        double value = LogBuckets.ValueOf(LogBuckets.IndexOf(nanoseconds));
        Assert.InRange(value, nanoseconds * 0.91, Math.Max(nanoseconds * 1.09, nanoseconds));
    }

    [Fact]
    public void Buckets_ascend_and_the_last_takes_what_is_longer()
    {
        int last = -1;
        for (long nanoseconds = 1; nanoseconds > 0; nanoseconds *= 2)
        {
            int bucket = LogBuckets.IndexOf(nanoseconds);
            Assert.InRange(bucket, last, LogBuckets.Count - 1);
            last = bucket;
        }

        Assert.Equal(LogBuckets.Count - 1, last);
    }

    [Fact]
    public void Percentiles_are_those_of_the_faults_that_ended_in_a_bin()
    {
        FaultBins bins = new();
        for (int i = 0; i < 99; i++) bins.Add(Runs.Fault(0, i, 1, hop: 1_000));
        bins.Add(Runs.Fault(0, 99, 1, hop: 10_000));

        Assert.Equal(6_000, bins.Percentile(0, 50)!.Value, 6_000 * 0.09);
        Assert.Equal(6_000, bins.Percentile(0, 99)!.Value, 6_000 * 0.09);
        Assert.Equal(60_000, bins.Percentile(0, 100)!.Value, 60_000 * 0.09);
        Assert.Null(bins.Percentile(1, 50));
    }

    [Fact]
    public void A_run_that_grows_merges_bins_and_loses_no_fault_and_no_time()
    {
        FaultBins bins = new();
        for (int i = 0; i < 1_000; i++) bins.Add(Runs.Fault(i % 2, i, (i * 1_000_000L) + 1, hop: 10_000));

        Assert.Equal(1_000, bins.Faults);
        Assert.Equal(1_000, bins.Sum(..).Sum());
        Assert.InRange(bins.Used, FaultBins.Most / 2, FaultBins.Most);
        Assert.Equal(1_000 * 60_000L, bins.Blocked(0) + bins.Blocked(1));
        Assert.Equal((10_000.0, 1_000L), bins.MeanHop(2));
        for (int bin = 0; bin < bins.Used; bin++) Assert.InRange(bins.Blocked(0, bin), 0, bins.Width);
    }

    [Fact]
    public void A_wait_over_several_bins_is_in_each_of_them()
    {
        FaultBins bins = new();
        long width = bins.Width;
        bins.Add(new FaultSpan(0, 0, 0, default, width / 2, 0, 0, 0, 0, 0, (5 * width) / 2));

        Assert.Equal([width / 2, width, width / 2], Enumerable.Range(0, bins.Used).Select(bin => bins.Blocked(0, bin)));
    }

    [Fact]
    public void A_hop_whose_station_was_not_passed_does_not_count()
    {
        FaultBins bins = new();
        bins.Add(Runs.Fault(0, 0, 1) with { Requested = 0 });

        Assert.Equal([1, 0, 0, 1, 1, 1], Enumerable.Range(0, 6).Select(hop => bins.MeanHop(hop).Faults));
    }
}
