namespace UffdActors.Bench;

/// <summary>
/// Measures the bookkeeping a page, every page present, from the difference of two guests of different size; and the memory of a phantom
/// guest of a tebibyte.
/// </summary>
internal static class MemoryBench
{
    // The stamp is the content of a phantom page: bits of its entry, but not bookkeeping.
    private const double StampBytes = 10.0 / 8;

    private const int Smaller = 4;

    /// <summary>Measures the bookkeeping of anonymous memory.</summary>
    /// <param name="content">What pages are made of.</param>
    /// <param name="pages">Pages of the larger guest; the smaller one has a quarter of them.</param>
    /// <param name="cancel">Cancels it.</param>
    public static async Task<BookkeepingReport> MeasureAsync(BenchContent content, long pages, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pages, Smaller);
        FaultBenchOptions large = new() { Content = content, Pages = pages, Vcpus = [1] };
        FaultBenchOptions small = large with { Pages = pages / Smaller };
        using IPageSource source = FaultBench.NewSource(large);
        return await FaultBench.WithRuntimeAsync("fault-loop", null, async runtime =>
        {
            // All are kept until the end, so that memory freed by one is not counted for another; the first one includes the allocations
            // that a process makes only once.
            await using Guest first = await Guest.FillAsync(runtime, small, source, cancel);
            await using Guest less = await Guest.FillAsync(runtime, small, source, cancel);
            await using Guest more = await Guest.FillAsync(runtime, large, source, cancel);
            double difference = large.Pages - small.Pages;
            return new BookkeepingReport(
                content == BenchContent.Phantom ? "phantom" : "bytes",
                pages,
                (more.NativeBytes - less.NativeBytes) / difference,
                (more.ManagedBytes - less.ManagedBytes) / difference,
                content == BenchContent.Phantom ? StampBytes : 0);
        });
    }

    /// <summary>A guest with every page present, and the memory that it has added to the process.</summary>
    private sealed class Guest(BenchGuest guest, long managedBytes) : IAsyncDisposable
    {
        public long NativeBytes => guest.NativeBytes;

        public long ManagedBytes => managedBytes;

        public static async Task<Guest> FillAsync(
            UffdRuntime runtime, FaultBenchOptions options, IPageSource source, CancellationToken cancel)
        {
            long before = GC.GetTotalMemory(forceFullCollection: true);
            BenchGuest guest = await BenchGuest.PrepareAsync(runtime, options, options.Vcpus[0], null, source, cancel);
            _ = await guest.RunAsync(check: false, cancel);
            return new Guest(guest, GC.GetTotalMemory(forceFullCollection: true) - before);
        }

        public ValueTask DisposeAsync() => guest.DisposeAsync();
    }
}
