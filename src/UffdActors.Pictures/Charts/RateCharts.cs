using System.Text.Json.Nodes;
using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Charts;

/// <summary>What was counted, as rates over time, and levels.</summary>
internal static class RateCharts
{
    private const int TableRows = 12;
    private const int Spans = 120;
    private static readonly string[] Colors = ["@push", "@demand", "@alarm", "@hop4", "@hop5", "@hop6", "@hop2", "@hop3"];
    private static readonly string[] Dashes = ["solid", "dash", "dot", "dashdot"];

    /// <summary>How fast counts grew.</summary>
    public static Chart Rates(RunHistory run, IReadOnlyList<RunSeries> counts)
    {
        TimeScale time = new(run.Nanoseconds, run.IsVirtualTime);
        int[] at = [.. Spread(run.Moments.Count, Spans)];
        JsonArray x = Plotly.Numbers(at.Skip(1).Select(i => time.Of(run.Moments[i])));
        JsonArray lines = [];
        for (int i = 0; i < counts.Count; i++)
        {
            IReadOnlyList<long> values = counts[i].Values;
            lines.Add(Line(
                counts[i].Name, i, (JsonArray)x.DeepClone(),
                Plotly.Numbers(at.Skip(1).Select((now, place) => (double?)Rate(run, values, at[place], now)))));
        }

        return new Chart(
            "rates", "Rates",
            $"What was counted, a second: {string.Join(", ", counts.Select(c => $"{Words.Count(c.Last)} {c.Name} in all"))}.",
            lines,
            new JsonObject { ["xaxis"] = time.Axis(), ["yaxis"] = Plotly.Axis("a second"), ["hovermode"] = "x unified" },
            Table(run, time, counts));
    }

    /// <summary>Levels over time.</summary>
    public static Chart Levels(RunHistory run, IReadOnlyList<RunSeries> levels)
    {
        TimeScale time = new(run.Nanoseconds, run.IsVirtualTime);
        JsonArray lines = [];
        for (int i = 0; i < levels.Count; i++)
        {
            lines.Add(Line(
                levels[i].Name, i, Plotly.Numbers(run.Moments.Select(m => time.Of(m))),
                Plotly.Numbers(levels[i].Values.Select(v => (double?)v))));
        }

        return new Chart(
            "levels", "Levels",
            $"What was under way at each look: {string.Join(", ", levels.Select(l => $"{l.Name} up to {Words.Count(l.Values.Max())}"))}.",
            lines,
            new JsonObject
            {
                ["xaxis"] = time.Axis(),
                ["yaxis"] = Plotly.Axis(string.Join(", ", levels.Select(l => l.Unit).Distinct())),
                ["hovermode"] = "x unified",
            },
            Table(run, time, levels));
    }

    private static JsonObject Line(string name, int place, JsonArray x, JsonArray y)
    {
        JsonObject line = Plotly.Line(name, Colors[place % Colors.Length], Dashes[place % Dashes.Length], x, y);
        line["hovertemplate"] = "%{y:,.0f}";
        return line;
    }

    private static double Rate(RunHistory run, IReadOnlyList<long> values, int from, int to) =>
        run.Moments[to] == run.Moments[from]
            ? 0 : Math.Round((values[to] - values[from]) * 1e9 / (run.Moments[to] - run.Moments[from]), 1);

    private static TextTable Table(RunHistory run, TimeScale time, IReadOnlyList<RunSeries> series) => new(
        [time.Title, .. series.Select(s => s.IsCount ? $"{s.Name}, so far" : s.Name)],
        [.. Spread(run.Moments.Count, TableRows).Select(i => (string[])
            [Words.Number(time.Of(run.Moments[i])), .. series.Select(s => Words.Count(s.Values[i]))])]);

    private static IEnumerable<int> Spread(int count, int most)
    {
        int taken = Math.Min(count, most);
        for (int i = 0; i < taken; i++) yield return taken == 1 ? 0 : (int)((long)i * (count - 1) / (taken - 1));
    }
}
