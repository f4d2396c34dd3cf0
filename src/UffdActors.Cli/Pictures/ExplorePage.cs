using System.Diagnostics;
using UffdActors.Cli.Reports;
using UffdActors.Explore;
using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Reports;
using UffdActors.Pictures.Charts;
using UffdActors.Pictures.Html;
using UffdActors.Pictures.Recording;

namespace UffdActors.Cli.Pictures;

/// <summary>What an exploration came to, as a page: which pairs were met, what was not, and a sequence chart of each violation.</summary>
internal static class ExplorePage
{
    private const int MostRows = 200;

    /// <summary>The exploration, to be looked at while it is under way.</summary>
    public static WatchedRun Watched(Exploration exploration)
    {
        long began = Stopwatch.GetTimestamp();
        return new WatchedRun
        {
            Now = () => (long)Stopwatch.GetElapsedTime(began).TotalNanoseconds,
            Start = () => 0,
            Figures =
            [
                new("schedules", "schedules", true, () => exploration.Schedules),
                new("scenarios done", "scenarios", true, () => exploration.Done),
            ],
        };
    }

    /// <summary>The page.</summary>
    /// <param name="report">The result.</param>
    /// <param name="drawings">A sequence chart for each finding.</param>
    public static HtmlReport Of(ExploreReport report, IReadOnlyList<HtmlDrawing> drawings)
    {
        int broken = report.Scenarios.Count(s => s.Finding is not null);
        int missed = report.Mutants.Count(m => m.Finding is null);
        List<HtmlTable> tables = [];
        if (report.Scenarios.Count > 0) tables.Add(Scenarios(report));
        if (report.Holes.Count > 0) tables.Add(Holes(report));
        if (report.Mutants.Count > 0) tables.Add(Mutants(report));
        return new HtmlReport
        {
            Title = "uffd explore",
            IsGood = report.IsInterrupted ? null : report.IsClean,
            Verdict = (report.IsInterrupted ? "Interrupted; by then: " : "") + (report.Mutants.Count > 0
                ? $"{Figures.Count(report.Mutants.Count - missed)} of {Figures.Count(report.Mutants.Count)} mutants found."
                : broken == 0 ? "Nothing was broken." : $"{Figures.Count(broken, "VIOLATION", "VIOLATIONS")}."),
            Facts =
            [
                new("seed", $"{report.Seed}"), new("policy", report.Policy), new("scenarios", Figures.Count(report.Scenarios.Count)),
                new("schedules", Figures.Count(report.Schedules)),
                new("different schedules", Figures.Count(report.Scenarios.Sum(s => s.Distinct))),
                new("steps", Figures.Count(report.Scenarios.Sum(s => s.Steps))),
            ],
            Charts = report.Scenarios.Count == 0 ? [] : [Pages(report), FaultPoints(report)],
            Drawings = drawings,
            Tables = tables,
            Note = "A pair counts each time that a message is handled while the page that it is about is in that state.",
        };
    }

    private static Chart Pages(ExploreReport report)
    {
        Dictionary<(string, string), long> pairs = Sum(report.Scenarios.SelectMany(s => s.Coverage.Pairs.Select(p => (p.Key, p.Value))));
        return MatrixChart.Of(
            "coverage", "Messages and states of pages", "message", Names(pairs.Keys.Select(k => k.Item1)),
            Names(pairs.Keys.Select(k => k.Item2)), (message, state) => pairs.GetValueOrDefault((message, state)));
    }

    private static Chart FaultPoints(ExploreReport report)
    {
        Dictionary<(string, string), long> pairs = Sum(report.Scenarios.SelectMany(s => s.Coverage.Faults.Select(p => (p.Key, p.Value))));
        return MatrixChart.Of(
            "fault-points", "Fault points and what became of them", "fault point", Names(pairs.Keys.Select(k => k.Item1)),
            ["happened", "passed"], (point, outcome) => pairs.GetValueOrDefault((point, outcome)));
    }

    private static HtmlTable Scenarios(ExploreReport report)
    {
        ScenarioReport[] shown =
            [.. report.Scenarios.Where(s => report.Scenarios.Count <= MostRows || s.Finding is not null).Take(MostRows)];
        return new HtmlTable(
            "scenarios", "Scenarios",
            shown.Length == report.Scenarios.Count ? "All of them." : "Of thousands of scenarios, those with a finding.",
            new TextTable(
                ["scenario", "schedules", "distinct", "steps", "pairs", "holes", "result"],
                [
                    .. shown.Select(s => new[]
                    {
                        s.Scenario, Figures.Count(s.Schedules), Figures.Count(s.Distinct), Figures.Count(s.Steps),
                        Figures.Count(s.Coverage.Reached), Figures.Count(s.Coverage.Holes.Count),
                        s.Finding is { } finding ? $"VIOLATION {finding.Violation.Invariant}"
                            : s.IsComplete ? "complete" : s.IsSaturated ? "clean, saturated" : "clean",
                    }),
                ]));
    }

    private static HtmlTable Holes(ExploreReport report) => new(
        "holes", "What was not met", "By all scenarios together.",
        new TextTable(["hole", "reason"], [.. report.Holes.Select(h => new[] { h.What, h.Reason })]));

    private static HtmlTable Mutants(ExploreReport report) => new(
        "mutants", "Mutants", "Deliberate bugs, and what found each.",
        new TextTable(
            ["mutant", "rule", "schedules", "scenario", "invariant"],
            [
                .. report.Mutants.Select(m => new[]
                {
                    m.Mutant.Name, m.Mutant.Rule, Figures.Count(m.Schedules), m.Finding?.Scenario.Name ?? "-",
                    m.Finding?.Violation.Invariant ?? "NOT FOUND",
                }),
            ]));

    private static Dictionary<(string, string), long> Sum(IEnumerable<((string, string) Key, long Count)> counts) =>
        counts.GroupBy(c => c.Key).ToDictionary(g => g.Key, g => g.Sum(c => c.Count));

    private static IReadOnlyList<string> Names(IEnumerable<string> names) => [.. names.Distinct().Order(StringComparer.Ordinal)];
}
