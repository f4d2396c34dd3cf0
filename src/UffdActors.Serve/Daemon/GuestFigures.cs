namespace UffdActors.Serve;

/// <summary>The figures of a guest; those of <see cref="SessionFigures"/>, with times in nanoseconds.</summary>
public sealed record GuestFigures(
    long Faults, long ContentPages, long ZeroPages, long Events, long BytesRead, long ReadMeanNs, long ReadLongestNs, long AbsentPages,
    int FaultsInFlight, WorkingSetFigures? WorkingSet, long SetUpNs, long DurationNs, long Repeats = 0)
{
    /// <summary>The figures of a session.</summary>
    public static GuestFigures Of(SessionFigures figures)
    {
        ArgumentNullException.ThrowIfNull(figures);
        return new GuestFigures(
            figures.Faults, figures.ContentPages, figures.ZeroPages, figures.Events, figures.BytesRead,
            (long)figures.ReadMean.TotalNanoseconds, (long)figures.ReadLongest.TotalNanoseconds, figures.AbsentPages,
            figures.FaultsInFlight, figures.WorkingSet, (long)figures.SetUp.TotalNanoseconds, (long)figures.Duration.TotalNanoseconds,
            figures.Repeats);
    }
}
