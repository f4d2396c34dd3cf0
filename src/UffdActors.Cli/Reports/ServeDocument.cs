using UffdActors.Serve;

namespace UffdActors.Cli.Reports;

/// <summary>The report of a server of guests for machines, version 1; JSON.md explains every field.</summary>
internal sealed record ServeDocument(
    string Socket, string Memory, IReadOnlyList<string> Diffs, long MemoryBytes, long StoredBytes, FailurePolicy OnFailure,
    long DurationNs, int Ended, int Refused, int Killed, int LeftFrozen, ContentCacheFigures? Cache,
    IReadOnlyList<ServeDocument.SessionPart> Sessions)
{
    public static ServeDocument Of(
        string socket, SessionOptions session, long bytes, long stored, TimeSpan duration, ServeTally tally) => new(
            socket, session.MemoryPath, session.Diffs, bytes, stored, session.OnFailure, (long)duration.TotalNanoseconds,
            tally.Ended, tally.Refused, tally.Killed, tally.LeftFrozen, session.Cache?.Figures(), [.. tally.Sessions.Select(Part)]);

    private static SessionPart Part(ServedSession session) => new(
        session.Number, session.ProcessId, session.Message.Dialect, session.End,
        [.. session.Message.Regions.Select(r => new RegionPart($"0x{r.Address:x}", r.Bytes, r.FileOffset, r.PageBytes))],
        session.Figures.Faults, session.Figures.Repeats, session.Figures.ContentPages, session.Figures.ZeroPages, session.Figures.Events,
        session.Figures.BytesRead,
        (long)session.Figures.ReadMean.TotalNanoseconds, (long)session.Figures.ReadLongest.TotalNanoseconds,
        session.Figures.AbsentPages, session.Figures.WorkingSet,
        (long)session.Figures.SetUp.TotalNanoseconds, (long)session.Figures.Duration.TotalNanoseconds);

    public sealed record SessionPart(
        int Number, int Process, string Dialect, SessionEnd End, IReadOnlyList<RegionPart> Regions, long Faults, long Repeats,
        long ContentPages, long ZeroPages, long Events, long BytesRead, long ReadMeanNs, long ReadLongestNs, long AbsentPages,
        WorkingSetFigures? WorkingSet, long SetUpNs, long DurationNs);

    public sealed record RegionPart(string Address, long Bytes, long FileOffset, int PageBytes);
}
