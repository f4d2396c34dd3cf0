using System.Text.Json.Nodes;

namespace UffdActors.Pictures.Charts;

/// <summary>Counts of pairs as a matrix: the darker, the more often; a pair that never was is empty.</summary>
internal static class MatrixChart
{
    private const int RowHeight = 26;
    private const int Margins = 170;

    /// <summary>The matrix.</summary>
    /// <param name="id">Name within the page.</param>
    /// <param name="title">What it shows.</param>
    /// <param name="rowName">What a row is.</param>
    /// <param name="rows">Names of the rows.</param>
    /// <param name="columns">Names of the columns.</param>
    /// <param name="countOf">How often row and column met.</param>
    public static Chart Of(
        string id, string title, string rowName, IReadOnlyList<string> rows, IReadOnlyList<string> columns,
        Func<string, string, long> countOf)
    {
        JsonArray z = [];
        JsonArray texts = [];
        foreach (string row in rows)
        {
            z.Add(Plotly.Numbers(columns.Select(c => Darkness(countOf(row, c)))));
            texts.Add(Plotly.Texts(columns.Select(c => countOf(row, c) is > 0 and var count ? Words.Count(count) : "")));
        }

        JsonObject heat = new()
        {
            ["type"] = "heatmap",
            ["x"] = Plotly.Texts(columns),
            ["y"] = Plotly.Texts(rows),
            ["z"] = z,
            ["text"] = texts,
            ["texttemplate"] = "%{text}",
            ["xgap"] = 2,
            ["ygap"] = 2,
            ["showscale"] = false,
            ["colorscale"] = new JsonArray(new JsonArray(0.0, "@absent"), new JsonArray(1.0, "@zero")),
            ["hovertemplate"] = "%{y}, %{x}: %{text}<extra></extra>",
        };
        JsonObject down = Plotly.Axis("", "category");
        down["autorange"] = "reversed";
        JsonObject across = Plotly.Axis("", "category");
        across["side"] = "top";
        long reached = rows.Sum(row => columns.Count(column => countOf(row, column) > 0));
        return new Chart(
            id, title, $"{Words.Count(reached)} of {Words.Count((long)rows.Count * columns.Count)} pairs were met.",
            [heat], new JsonObject { ["xaxis"] = across, ["yaxis"] = down, ["showlegend"] = false },
            new TextTable(
                [rowName, .. columns],
                [.. rows.Select(row => (string[])[row, .. columns.Select(c => countOf(row, c) is > 0 and var n ? Words.Count(n) : "-")])]))
        {
            Height = Margins + (RowHeight * rows.Count),
        };
    }

    // Counts are of very different sizes; none is no cell.
    private static double? Darkness(long count) => count > 0 ? Math.Round(Math.Log10(count) + 1, 3) : null;
}
