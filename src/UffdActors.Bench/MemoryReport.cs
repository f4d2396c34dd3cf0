namespace UffdActors.Bench;

/// <summary>The figures of <c>uffd bench memory</c>.</summary>
/// <param name="Bookkeeping">Bookkeeping a page, for each kind of content.</param>
/// <param name="LargeGuest">The guest that is larger than the machine.</param>
internal sealed record MemoryReport(IReadOnlyList<BookkeepingReport> Bookkeeping, LargeGuestReport LargeGuest)
{
    /// <summary>True if everything is within its limit.</summary>
    public bool IsWithinLimits => LargeGuest.IsWithinLimit && Bookkeeping.All(b => b.IsWithinLimit);

    /// <summary>Measures all of it.</summary>
    /// <param name="progress">Called with what is measured next; may be null.</param>
    /// <param name="cancel">Cancels it.</param>
    public static async Task<MemoryReport> MeasureAsync(Action<string>? progress = null, CancellationToken cancel = default)
    {
        const long Phantom = 524_288;
        const long Bytes = 131_072;
        const long Tebibyte = 1L << 28;
        const long Faults = 1_000_000;
        progress?.Invoke("bookkeeping of phantom pages");
        BookkeepingReport phantom = await MemoryBench.MeasureAsync(BenchContent.Phantom, Phantom, cancel);
        progress?.Invoke("bookkeeping of pages of bytes");
        BookkeepingReport bytes = await MemoryBench.MeasureAsync(BenchContent.Bytes, Bytes, cancel);
        progress?.Invoke("a phantom guest of 1 TiB");
        return new MemoryReport([phantom, bytes], await Bench.LargeGuest.RunAsync(Tebibyte, Faults, cancel));
    }
}
