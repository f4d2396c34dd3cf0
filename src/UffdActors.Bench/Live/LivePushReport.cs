namespace UffdActors.Bench.Live;

/// <summary>The figures of a <see cref="LivePushBench"/>.</summary>
internal sealed record LivePushReport : LiveBenchReport
{
    private LivePushReport(LiveBenchOptions options, LiveCpus cpus)
        : base(options, cpus)
    {
        ChunkPages = options.ChunkPages;
        PauseMicroseconds = options.PauseMicroseconds;
    }

    /// <summary>Pages of a chunk.</summary>
    public int ChunkPages { get; }

    /// <summary>Microseconds that a vCPU sleeps before each access.</summary>
    public int PauseMicroseconds { get; }

    /// <summary>The figures.</summary>
    public required IReadOnlyList<LivePushRow> Rows { get; init; }

    internal static LivePushReport Of(LiveBenchOptions options, LiveCpus cpus, IReadOnlyList<LivePushCell> cells) =>
        new(options, cpus) { Rows = [.. cells.Select(LivePushRow.Of)] };
}
