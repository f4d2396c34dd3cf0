namespace UffdActors.Serve;

/// <summary>How well a working set predicted what a session's guest touched, in base pages.</summary>
public sealed record WorkingSetFigures
{
    /// <summary>Pages of the set that are this guest's memory; 0 if none was replayed.</summary>
    public required long Pages { get; init; }

    /// <summary>Of those, how many came before the guest asked for them.</summary>
    public required long Fetched { get; init; }

    /// <summary>Of those, how many the guest asked for before they came.</summary>
    public required long Late { get; init; }

    /// <summary>Pages that the guest asked for and that are not in the set.</summary>
    public required long Missed { get; init; }

    /// <summary>Pages that are recorded for the sessions to come; 0 if this one does not record.</summary>
    public required long Recorded { get; init; }

    /// <summary>
    /// Share of the pages that came without a fault: fetched, of fetched, late and missed. Whether the guest has used what was fetched is
    /// not known: it raises no fault. Null before there was any.
    /// </summary>
    public double? HitRate => Fetched + Late + Missed is > 0 and var all ? (double)Fetched / all : null;

    /// <summary>The figures of several sessions together; null of none.</summary>
    internal static WorkingSetFigures? Sum(IEnumerable<WorkingSetFigures?> figures)
    {
        WorkingSetFigures? sum = null;
        foreach (WorkingSetFigures one in figures.OfType<WorkingSetFigures>())
        {
            sum = sum is null ? one : new WorkingSetFigures
            {
                Pages = sum.Pages + one.Pages,
                Fetched = sum.Fetched + one.Fetched,
                Late = sum.Late + one.Late,
                Missed = sum.Missed + one.Missed,
                Recorded = sum.Recorded + one.Recorded,
            };
        }

        return sum;
    }
}
