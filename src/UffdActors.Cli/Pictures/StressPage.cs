using UffdActors.Cli.Reports;
using UffdActors.Pictures.Charts;
using UffdActors.Pictures.History;
using UffdActors.Pictures.Html;
using UffdActors.Pictures.Recording;
using UffdActors.Stress;
using UffdActors.Stress.Guest;

namespace UffdActors.Cli.Pictures;

/// <summary>A stress run as a page: what was exercised over time, how often each oracle was checked.</summary>
internal static class StressPage
{
    /// <summary>The run, to be looked at while it is under way.</summary>
    public static WatchedRun Watched(StressRun run)
    {
        StressSnapshot now = run.Snapshot();
        return new WatchedRun
        {
            Now = () => (long)run.Snapshot().Elapsed.TotalNanoseconds,
            Start = () => 0,
            BeforeLook = () => now = run.Snapshot(),
            Figures =
            [
                new(FigureNames.Faults, "faults", true, () => now.Faults),
                new("visits", "visits", true, () => now.Visits),
                new("locks found taken", "visits", true, () => now.Contended),
                new("fills that raced (EEXIST)", "fills", true, () => now.Eexist),
                new("EAGAIN", "fills", true, () => now.Eagain),
                new("racer fills", "pages", true, () => now.RacerFills),
                new("handler crashes", "crashes", true, () => now.HandlerCrashes),
                new("source faults", "answers", true, () => now.SourceDelays + now.SourceDuplicates + now.SourceFailures),
                new("pages dropped", "pages", true, () => now.PageDrops),
                new("pages protected", "pages", true, () => now.Protections),
                new("pages compared", "pages", true, () => now.WholePages),
                new("rounds", "rounds", true, () => now.Rounds),
                new(FigureNames.Outstanding, "pages", false, () => now.Outstanding),
                new("oldest access", "ms", false, () => (long)now.OldestTouch.TotalMilliseconds),
            ],
        };
    }

    /// <summary>The page.</summary>
    public static HtmlReport Of(RunHistory run, StressReport report) => new()
    {
        Title = "uffd stress",
        IsGood = report.Passed,
        Verdict = report.Violation is { } violation
            ? $"VIOLATION of {violation.Oracle}: {violation.Message}"
            : report.Passed ? "Nothing was broken." : $"Nothing was broken, but too little was exercised: {StressText.MissedBy(report)}.",
        Facts =
        [
            new("memory", $"{Figures.Count(report.Options.Pages)} pages, {report.Options.Backend ?? "anon"}"),
            new("kernel", report.Place.IsLive ? $"Linux {report.Place.Kernel}" : $"the model of {report.Place.Kernel}"),
            new("dispatcher", report.Dispatcher),
            new("vCPUs", Figures.Count(report.Options.Vcpus)),
            new("seed", $"{report.Options.Seed}"),
            new("rounds", Figures.Count(report.Totals.Rounds)),
            new("time", Figures.Time(report.Totals.Elapsed)),
            new("faults", Figures.Faults(report.Totals.Faults, report.Totals.Repeats)),
            new("visits", Figures.Count(report.Totals.Visits)),
        ],
        Charts = RunCharts.Of(run),
        Tables =
        [
            new HtmlTable(
                "oracles", "Oracles", "How often each was checked.",
                new TextTable(
                    ["oracle", "what it holds", "checks"],
                    [
                        .. report.Checks.Select(c => new[]
                        {
                            $"{c.Oracle}", StressOracles.SentenceOf(c.Oracle), Figures.Count(c.Times),
                        }),
                    ])),
            new HtmlTable(
                "floors", "What a run must exercise", "Below that, the absence of violations proves nothing.",
                new TextTable(
                    ["what", "at least", "was"],
                    [.. report.Floors.Select(f => new[] { f.What, Figures.Count(f.Least), Figures.Count(f.Met) })])),
        ],
        Note = "Rounds follow each other with guests of their own, so there is no map of one guest's memory.",
    };
}
