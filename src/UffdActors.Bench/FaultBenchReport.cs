namespace UffdActors.Bench;

/// <summary>The figures of a <see cref="FaultBench"/>, as they are printed and as they are written for machines.</summary>
internal sealed record FaultBenchReport
{
    private const int MaxRows = 1024;

    /// <summary>Where it ran.</summary>
    public required BenchMachine Machine { get; init; }

    /// <summary>phantom or bytes.</summary>
    public required string Content { get; init; }

    /// <summary>missing or minor.</summary>
    public required string Mode { get; init; }

    /// <summary>Base pages of each VM.</summary>
    public required long Pages { get; init; }

    /// <summary>Repeats behind each figure.</summary>
    public required int Repeats { get; init; }

    /// <summary>CPUs that fault loops were bound to, VM by VM; empty for any.</summary>
    public required IReadOnlyList<int> Cpus { get; init; }

    /// <summary>The figures.</summary>
    public required IReadOnlyList<FaultBenchRow> Rows { get; init; }

    // Checks beyond the types.
    internal string? Problem()
    {
        if (Pages < 1 || Repeats < 1) return "pages and repeats are at least 1";
        if (Cpus.Count > MaxRows || Cpus.Any(cpu => cpu < 0)) return $"cpus: up to {MaxRows} numbers are taken, and none is negative";
        if (Rows.Count > MaxRows || Rows.Any(row => row is null)) return $"rows: up to {MaxRows} are taken, and none is null";
        if (Rows.Select(row => (row.Dispatcher, row.Vcpus)).Distinct().Count() < Rows.Count)
            return "rows: a dispatcher with a number of vCPUs is there twice";
        FaultBenchRow? odd = Rows.FirstOrDefault(row => !row.MakesSense);
        return odd is null
            ? null
            : $"the row of {odd.Dispatcher} with {odd.Vcpus} vCPUs has a figure that is negative, or outside of its own range";
    }

    internal static FaultBenchReport Of(FaultBenchOptions options, IReadOnlyList<BenchCell> cells) => new()
    {
        Machine = BenchMachine.Current(),
        Content = options.Content == BenchContent.Phantom ? "phantom" : "bytes",
        Mode = options.Mode == BenchMode.Missing ? "missing" : "minor",
        Pages = options.Pages,
        Repeats = options.Repeats,
        Cpus = options.Cpus,
        Rows = [.. cells.Select(c => FaultBenchRow.Of(options, c))],
    };
}
