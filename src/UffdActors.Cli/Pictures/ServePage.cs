using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Pictures.Charts;
using UffdActors.Pictures.History;
using UffdActors.Pictures.Html;
using UffdActors.Serve;

namespace UffdActors.Cli.Pictures;

/// <summary>What a server of guests has done, as a page.</summary>
internal static class ServePage
{
    /// <summary>The page.</summary>
    /// <param name="run">What happened over all sessions.</param>
    /// <param name="maps">The memory of the latest few.</param>
    /// <param name="memory">Path of the memory file.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="policy">What becomes of a guest that cannot be served on.</param>
    /// <param name="tally">What has come by.</param>
    public static HtmlReport Of(
        RunHistory run, IReadOnlyList<(int Number, RunHistory Run)> maps, string memory, long bytes, FailurePolicy policy,
        ServeTally tally) =>
        new()
        {
            Title = "uffd serve",
            IsGood = tally.Killed + tally.LeftFrozen + tally.Refused == 0 ? true : null,
            Verdict = $"{Figures.Count(tally.Ended, "session", "sessions")} ended, {Figures.Count(tally.Refused)} refused, "
                + $"{Figures.Count(tally.Killed, "VMM", "VMMs")} killed, {Figures.Count(tally.LeftFrozen)} left asleep.",
            Facts =
            [
                new("memory file", $"{memory}, {SizeText.Of(bytes)}"),
                new("a guest that cannot be served on", policy == FailurePolicy.Kill ? "is killed" : "is left asleep"),
                new("time", Figures.Time(run.Nanoseconds)),
            ],
            Charts =
            [
                .. maps.Where(m => m.Run.Map is not null).Select(m => MapOf(m.Number, m.Run, m.Run.Map!)),
                .. RunCharts.Of(run),
            ],
            Tables = [Sessions(tally), HtmlReport.IncidentsOf(run)],
            Note = "Guests run in processes of their own: how long one of their threads waits is not seen here, what a read of the file "
                + "takes is. Every page comes on demand.",
        };

    private static Chart MapOf(int number, RunHistory run, PageMap pages)
    {
        Chart map = PageCharts.Map(run, pages, $"map-{number}");
        return map with { Title = $"Session {number}: {map.Title}" };
    }

    private static HtmlTable Sessions(ServeTally tally) => new(
        "sessions", "Sessions",
        tally.Ended <= ServeTally.Kept ? "All that have ended." : $"The latest {Figures.Count(ServeTally.Kept)} that have ended.",
        new TextTable(
            [
                "session", "process", "dialect", "end", "faults", "pages of the file", "zeros", "mean read", "longest read",
                "never asked for", "time",
            ],
            [
                .. tally.Sessions.Select(s => new[]
                {
                    $"{s.Number}", $"{s.ProcessId}", s.Message.Dialect, $"{s.End}",
                    Figures.Faults(s.Figures.Faults, s.Figures.Repeats),
                    Figures.Count(s.Figures.ContentPages), Figures.Count(s.Figures.ZeroPages), Figures.Time(s.Figures.ReadMean),
                    Figures.Time(s.Figures.ReadLongest), Figures.Count(s.Figures.AbsentPages), Figures.Time(s.Figures.Duration),
                }),
            ]));
}
