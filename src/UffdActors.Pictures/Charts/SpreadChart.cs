using System.Text.Json.Nodes;

namespace UffdActors.Pictures.Charts;

/// <summary>
/// Figures of one run or of two, side by side, each with its range. Whatever their units, they are drawn over the median of the first run,
/// so all of them fit one axis: 1 is as it was.
/// </summary>
internal static class SpreadChart
{
    private const int RowHeight = 34;
    private const int Margins = 110;
    private static readonly (string Color, string Symbol)[] Marks = [("@push", "circle"), ("@demand", "diamond")];

    /// <summary>The chart.</summary>
    /// <param name="names">Name of each run.</param>
    /// <param name="figures">The figures; those whose first median is 0, or that are one number throughout, are in the table alone.</param>
    public static Chart Of(IReadOnlyList<string> names, IReadOnlyList<SpreadFigure> figures)
    {
        // What was the same in every repeat, as a setting is, shows nothing.
        SpreadFigure[] drawn = [.. figures.Where(f => f.Runs[0].Median != 0 && f.Varies)];
        JsonArray data = [];
        for (int run = 0; run < names.Count; run++)
        {
            int at = run;
            double[] medians = [.. drawn.Select(f => f.Runs[at].Median / f.Runs[0].Median)];
            data.Add(new JsonObject
            {
                ["type"] = "scatter",
                ["mode"] = "markers",
                ["orientation"] = "h",
                ["name"] = names[run],
                ["x"] = Plotly.Numbers(medians),
                ["y"] = Plotly.Texts(drawn.Select(f => f.Name)),
                ["marker"] = new JsonObject { ["color"] = Marks[run].Color, ["symbol"] = Marks[run].Symbol, ["size"] = 10 },
                ["error_x"] = new JsonObject
                {
                    ["type"] = "data",
                    ["symmetric"] = false,
                    ["array"] = Plotly.Numbers(drawn.Select(f => (f.Runs[at].Max - f.Runs[at].Median) / f.Runs[0].Median)),
                    ["arrayminus"] = Plotly.Numbers(drawn.Select(f => (f.Runs[at].Median - f.Runs[at].Min) / f.Runs[0].Median)),
                    ["color"] = Marks[run].Color,
                },
                ["hovertemplate"] = "%{y}: %{x:.3f}<extra>" + names[run] + "</extra>",
            });
        }

        JsonObject rows = Plotly.Axis("", "category");
        rows["autorange"] = "reversed";
        return new Chart(
            "figures", names.Count == 2 ? "Figures side by side" : "Figures and their spread", SummaryOf(names, figures), data,
            new JsonObject
            {
                ["xaxis"] = Plotly.Axis($"over the median of {names[0]}"),
                ["yaxis"] = rows,
                ["scattermode"] = "group",
            },
            TableOf(names, figures))
        {
            Height = Margins + (RowHeight * Math.Max(2, drawn.Length)),
        };
    }

    private static string SummaryOf(IReadOnlyList<string> names, IReadOnlyList<SpreadFigure> figures)
    {
        if (names.Count == 1)
            return $"{Words.Count(figures.Count)} figures: the median of the repeats, and from the lowest to the highest.";
        long apart = figures.Count(f => !f.RangesOverlap);
        return $"Of {Words.Count(figures.Count)} figures the ranges of {Words.Count(apart)} are apart; where they overlap, a difference of "
            + "the medians may be chance.";
    }

    private static TextTable TableOf(IReadOnlyList<string> names, IReadOnlyList<SpreadFigure> figures) => names.Count == 1
        ? new(["figure", names[0]], [.. figures.Select(f => new[] { f.Name, Text(f.Runs[0]) })])
        : new(
            ["figure", names[0], names[1], "second over first", "ranges"],
            [
                .. figures.Select(f => new[]
                {
                    f.Name, Text(f.Runs[0]), Text(f.Runs[1]), f.Ratio is { } ratio ? Words.Number(ratio) : "-",
                    f.RangesOverlap ? "overlap" : "apart",
                }),
            ]);

    private static string Text((double Median, double Min, double Max) run) => run.Min == run.Max
        ? Words.Number(run.Median) : $"{Words.Number(run.Median)} ({Words.Number(run.Min)} to {Words.Number(run.Max)})";
}
