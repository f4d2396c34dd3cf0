namespace UffdActors.Pictures.History;

/// <summary>How a run is at a moment.</summary>
internal sealed record LiveSnapshot
{
    /// <summary>The guest does not run yet.</summary>
    public static LiveSnapshot Waiting { get; } = new();

    /// <summary>Since the guest began to run.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Pages of the guest; 0 if none are watched.</summary>
    public long Pages { get; init; }

    /// <summary>Pages that are there.</summary>
    public long ReceivedPages { get; init; }

    /// <summary>Bytes of a page.</summary>
    public int PageBytes { get; init; }

    /// <summary>The memory map.</summary>
    public IReadOnlyList<CellState> Cells { get; init; } = [];

    /// <summary>What is counted.</summary>
    public IReadOnlyList<LiveFigure> Figures { get; init; } = [];

    /// <summary>Faults of vCPUs that have ended.</summary>
    public long Faults { get; init; }

    /// <summary>Median of the faults of the last second, in nanoseconds; null of none.</summary>
    public double? RecentMedian { get; init; }

    /// <summary>99th percentile of these.</summary>
    public double? RecentP99 { get; init; }

    /// <summary>Median of all faults.</summary>
    public double? Median { get; init; }

    /// <summary>99th percentile of all faults.</summary>
    public double? P99 { get; init; }

    /// <summary>For each vCPU the share of the last second for which it was blocked, 0 to 1.</summary>
    public IReadOnlyList<double> Blocked { get; init; } = [];

    /// <summary>Mean hops.</summary>
    public IReadOnlyList<LiveHop> Hops { get; init; } = [];

    /// <summary>What went wrong, in order.</summary>
    public IReadOnlyList<RunIncident> Incidents { get; init; } = [];

    /// <summary>Incidents that are not among them.</summary>
    public long MoreIncidents { get; init; }
}
