namespace UffdActors.Bench;

/// <summary>Figures of a large guest.</summary>
/// <param name="Pages">Its pages.</param>
/// <param name="PresentPages">Pages that were there at the end.</param>
/// <param name="Faults">Demand faults that it took.</param>
/// <param name="BookkeepingBytes">Native bytes of bookkeeping.</param>
/// <param name="ProcessBytes">Memory of the whole process at the end (resident set).</param>
/// <param name="Seconds">From the first call to the last page.</param>
internal sealed record LargeGuestReport(
    long Pages, long PresentPages, long Faults, long BookkeepingBytes, long ProcessBytes, double Seconds)
{
    /// <summary>Limit of the process's memory.</summary>
    public const long Limit = 2L << 30;

    /// <summary>True if every page is there, and the process is within its limit.</summary>
    public bool IsWithinLimit => PresentPages == Pages && ProcessBytes <= Limit;
}
