using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Charts;

/// <summary>The charts of a run: those for which it has anything to show.</summary>
internal static class RunCharts
{
    /// <summary>The charts, the most telling first.</summary>
    public static IReadOnlyList<Chart> Of(RunHistory run)
    {
        List<Chart> charts = [];
        bool hasFaults = run.Faults.Faults > 0;
        if (run.Map is { } map) charts.Add(PageCharts.Map(run, map));
        if (run.Moments.Count > 0 && FigureNames.Causes.Any(c => run.Find(c) is not null)) charts.Add(PageCharts.ByCause(run));
        if (hasFaults)
        {
            charts.Add(LatencyCharts.Histogram(run));
            charts.Add(LatencyCharts.OverTime(run));
            charts.Add(LatencyCharts.Hops(run));
            charts.Add(VcpuCharts.Blocked(run));
        }

        RunSeries[] others = [.. run.Series.Where(s => !FigureNames.Causes.Contains(s.Name))];
        RunSeries[] counts = [.. others.Where(s => s.IsCount && s.Last > 0)];
        RunSeries[] levels = [.. others.Where(s => !s.IsCount && s.Values.Any(v => v > 0))];
        if (run.Moments.Count > 1 && counts.Length > 0) charts.Add(RateCharts.Rates(run, counts));
        if (run.Moments.Count > 1 && levels.Length > 0) charts.Add(RateCharts.Levels(run, levels));
        return charts;
    }
}
