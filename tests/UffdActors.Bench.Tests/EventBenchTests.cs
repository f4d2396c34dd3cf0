using UffdActors.Bench.Events;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Bench.Tests;

/// <summary>Events and regions in great numbers. What is measured is not judged; that it was measured is.</summary>
[CollectionDefinition(nameof(EventBenchTests), DisableParallelization = true)]
[Collection(nameof(EventBenchTests))]
public sealed class EventBenchTests
{
    // Nothing here takes long; whoever takes as long as this hangs.
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    [SkippableTheory]
    [InlineData(EventBenchWorld.Model)]
    [InlineData(EventBenchWorld.Live)]
    internal async Task Every_event_is_read_and_every_number_of_regions_has_a_row(EventBenchWorld world)
    {
        if (world == EventBenchWorld.Live) ThisKernel.Require();
        EventBenchOptions options = new() { World = world, Events = 1003, Regions = [1, 5], Repeats = 1 };

        EventBenchReport report = await new EventBench(options).RunAsync().WaitAsync(Deadline);

        Assert.Equal(10, report.EventsPerSecond.Count);
        Assert.All(report.EventsPerSecond, rate => Assert.True(rate.Median > 0));
        Assert.Equal(report.EventsPerSecond[^1].Median / report.EventsPerSecond[0].Median, report.LastOverFirst.Median, 6);
        Assert.Equal([1, 5], report.Regions.Select(r => r.Regions));
        Assert.All(report.Regions, row =>
        {
            Assert.True(row.FirstFaultsPerSecond.Median > 0 && row.LastFaultsPerSecond.Median > 0);
            Assert.Equal(row.LastP50Nanoseconds.Median / row.FirstP50Nanoseconds.Median, row.LastP50OverFirst.Median, 6);
        });
        Assert.Equal(world == EventBenchWorld.Live, report.Kernel is not null);
    }

    [Theory]
    [InlineData(9, 1, 1, "9 events")]
    [InlineData(100, 0, 1, "0 regions")]
    [InlineData(100, 1, 0, "0 repeats")]
    public void Options_out_of_range_are_named(int events, int regions, int repeats, string named)
    {
        EventBenchOptions options = new() { Events = events, Regions = [regions], Repeats = repeats };
        Assert.Contains(named, Assert.Throws<BenchException>(() => new EventBench(options)).Message, StringComparison.Ordinal);
    }
}
