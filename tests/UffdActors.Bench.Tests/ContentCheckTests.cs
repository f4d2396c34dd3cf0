namespace UffdActors.Bench.Tests;

/// <summary>A round that warms up compares what it reads: a figure of faults that bring wrong bytes is none.</summary>
public class ContentCheckTests
{
    private const int PageCount = 64;

    [Theory]
    [InlineData(0)]
    [InlineData(PageCount / 2)]
    [InlineData(PageCount - 1)]
    public async Task A_page_with_the_bytes_of_another_ends_the_benchmark(long wrong)
    {
        using SwappingSource source = new(wrong);
        BenchException failure = await Assert.ThrowsAsync<BenchException>(() => RunAsync(source, check: true));
        Assert.Contains("A vCPU of the guest failed", failure.Message, StringComparison.Ordinal);

        // And it is the comparison that notices.
        Assert.Equal(PageCount, (await RunAsync(source, check: false)).Faults);
    }

    [Fact]
    public async Task Right_bytes_are_no_reason_to_end_it()
    {
        using SwappingSource source = new(wrong: -1);
        Assert.Equal(PageCount, (await RunAsync(source, check: true)).Faults);
    }

    /// <summary>A guest without bytes is checked by its stamps, and a page cache of zeros by zeros.</summary>
    [Fact]
    public void What_has_no_image_is_compared_all_the_same()
    {
        Assert.Equal([StampSource.StampOf(0), StampSource.StampOf(7)], new[] { 0, 7 }.Select(p => new StampCheck().WordAt(0, p, 0)));
        Assert.NotEqual(StampSource.StampOf(0), StampSource.StampOf(7));
        Assert.Equal(0UL, new ZeroCheck().WordAt(0, 7, 8));
    }

    private static async Task<FaultRun> RunAsync(SwappingSource source, bool check)
    {
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("fault-loop"));
        FaultBenchOptions options = new() { Pages = PageCount, Content = BenchContent.Bytes };
        await using BenchGuest guest = await BenchGuest.PrepareAsync(runtime, options, 1, null, source, CancellationToken.None);
        return await guest.RunAsync(check, CancellationToken.None);
    }

    /// <summary>Answers one page with the bytes of its neighbour.</summary>
    private sealed class SwappingSource(long wrong) : IPageSource, IContentCheck
    {
        private readonly BytePages _pages = new(PageCount);

        public long Pages => _pages.Pages;

        public bool AnswersAtOnce => true;

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            long from = order.FirstPage == wrong ? wrong ^ 1 : order.FirstPage;
            receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Bytes, _pages.Address + (nint)(from << 12));
        }

        public ulong? WordAt(int region, long page, int offset) => _pages.WordAt(region, page, offset);

        public void Dispose() => _pages.Dispose();
    }
}
