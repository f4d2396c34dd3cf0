namespace UffdActors.Bench.Tests;

/// <summary>Alone in the process: what other tests allocate meanwhile would be measured too.</summary>
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
[Collection(nameof(MemoryTests))]
public sealed class MemoryTests
{
    [Fact]
    public async Task A_phantom_page_costs_at_most_two_bytes_beside_its_stamp()
    {
        // So many that what the runtime itself allocates or frees now and then (a hundred kilobytes) is a tenth of a byte a page.
        BookkeepingReport report = await MemoryBench.MeasureAsync(BenchContent.Phantom, 1_048_576);
        Assert.InRange(report.BytesPerPage, 0.5, 2);
        Assert.True(report.IsWithinLimit);
    }

    [Fact]
    public async Task A_page_of_bytes_costs_at_most_eight()
    {
        BookkeepingReport report = await MemoryBench.MeasureAsync(BenchContent.Bytes, 131_072);
        Assert.InRange(report.BytesPerPage, 4, 8);
        Assert.True(report.IsWithinLimit);
    }

    [Fact]
    public async Task A_phantom_guest_of_a_tebibyte_is_filled_within_two_gibibytes_and_takes_a_million_faults_in_between()
    {
        LargeGuestReport report = await LargeGuest.RunAsync(1L << 28, 1_000_000);
        Assert.Equal(1L << 28, report.PresentPages);
        Assert.Equal(1_000_000, report.Faults);
        Assert.True(report.ProcessBytes <= LargeGuestReport.Limit, $"{report.ProcessBytes} bytes");
    }
}
