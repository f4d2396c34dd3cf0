namespace UffdActors.Bench.Events;

/// <summary>What <see cref="EventBench"/> measures.</summary>
internal sealed record EventBenchOptions
{
    /// <summary>Windows that the events are cut into.</summary>
    public const int Windows = 10;

    /// <summary>Pages that fault of the first region and of the last; those between them are small.</summary>
    internal const int PagesOfMeasured = 2048;

    /// <summary>Pages of the regions between the first and the last.</summary>
    internal const int PagesBetween = 8;

    // As many mappings as Linux gives a process by default (vm.max_map_count), less what the process itself has.
    private const int MostRegions = 60_000;

    /// <summary>Where it is measured.</summary>
    public EventBenchWorld World { get; init; }

    /// <summary>Events of one run.</summary>
    public int Events { get; init; } = 100_000;

    /// <summary>Numbers of regions beside each other, one row of faults each; none to measure no faults.</summary>
    public IReadOnlyList<int> Regions { get; init; } = [1, 64, 4000];

    /// <summary>Repeats that count; one more before them is dropped.</summary>
    public int Repeats { get; init; } = 5;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="BenchException">An option is out of its range; the message names it.</exception>
    internal void Validate()
    {
        if (Events is < Windows or > 100_000_000) throw new BenchException($"{Events} events: must be {Windows} to 100000000.");
        if (Repeats < 1) throw new BenchException($"{Repeats} repeats: at least 1 is needed.");
        foreach (int regions in Regions)
        {
            if (regions is < 1 or > MostRegions)
                throw new BenchException($"{regions} regions: must be 1 to {MostRegions}.");
        }
    }
}
