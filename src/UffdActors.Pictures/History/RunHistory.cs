namespace UffdActors.Pictures.History;

/// <summary>
/// What happened in a run, without anything of the run itself: it can be drawn, written and tested by itself. All times are nanoseconds
/// since the run began.
/// </summary>
internal sealed record RunHistory
{
    /// <summary>How long the run took.</summary>
    public required long Nanoseconds { get; init; }

    /// <summary>True if times are those of the stepped dispatcher.</summary>
    public bool IsVirtualTime { get; init; }

    /// <summary>Moments at which was looked, ascending; 480 at most, however long the run was.</summary>
    public required IReadOnlyList<long> Moments { get; init; }

    /// <summary>What was seen at these moments.</summary>
    public required IReadOnlyList<RunSeries> Series { get; init; }

    /// <summary>All faults by time; without any if there were no vCPUs to be watched.</summary>
    public required FaultBins Faults { get; init; }

    /// <summary>Faults one by one; of many, one in <see cref="SpanStride"/>, in the order in which they ended.</summary>
    public required IReadOnlyList<FaultSpan> Spans { get; init; }

    /// <summary>Of how many faults one is among the spans.</summary>
    public required int SpanStride { get; init; }

    /// <summary>When which page came, and why; null if no pages were watched.</summary>
    public required PageMap? Map { get; init; }

    /// <summary>What went wrong, in order.</summary>
    public required IReadOnlyList<RunIncident> Incidents { get; init; }

    /// <summary>Incidents that are not among them, for there were too many.</summary>
    public required long MoreIncidents { get; init; }

    /// <summary>A series by its name; null if it was not looked at.</summary>
    public RunSeries? Find(string name) => Series.FirstOrDefault(s => s.Name == name);
}
