namespace UffdActors.Bench.Live;

/// <summary>The figures of a <see cref="LiveFaultBench"/>.</summary>
internal sealed record LiveFaultReport : LiveBenchReport
{
    private LiveFaultReport(LiveBenchOptions options, LiveCpus cpus)
        : base(options, cpus)
    {
    }

    /// <summary>The figures; the curve over the numbers of vCPUs is their rates.</summary>
    public required IReadOnlyList<LiveFaultRow> Rows { get; init; }

    internal static LiveFaultReport Of(LiveBenchOptions options, LiveCpus cpus, IReadOnlyList<LiveCell> cells) =>
        new(options, cpus) { Rows = [.. cells.Select(c => LiveFaultRow.Of(c, options.Vms))] };
}
