using System.Text.Json.Nodes;
using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Charts;

/// <summary>How memory came: pages by cause over time, and a map of page and time.</summary>
internal static class PageCharts
{
    private const int MostRows = 160;
    private const int Columns = 200;
    private const int TableRows = 12;
    private static readonly string[] CauseColors = ["@demand", "@demandzero", "@push", "@zero"];

    private static readonly (string Color, string Meaning)[] Kinds =
    [
        ("@absent", "absent"), ("@partly", "partly there"), ("@there", "there"), ("@zero", "came as zeros, pushed"),
        ("@push", "came, pushed"), ("@demand", "came, and a vCPU had waited for it"),
    ];

    /// <summary>Pages that have come so far, by cause, one on the other.</summary>
    public static Chart ByCause(RunHistory run)
    {
        TimeScale time = new(run.Nanoseconds, run.IsVirtualTime);
        double[] x = [.. run.Moments.Select(m => time.Of(m))];
        RunSeries[] causes = [.. FigureNames.Causes.Select(run.Find).OfType<RunSeries>()];
        JsonArray areas = [];
        foreach (RunSeries cause in causes)
        {
            string color = CauseColors[FigureNames.Causes.ToList().IndexOf(cause.Name)];
            JsonObject area = Plotly.Line(
                cause.Name, color, "solid", Plotly.Numbers(x), Plotly.Numbers(cause.Values.Select(v => (double)v)));
            area["stackgroup"] = "pages";
            area["fillcolor"] = color;
            area["hovertemplate"] = "%{y:,}";
            areas.Add(area);
        }

        return new Chart(
            "causes", "Pages by cause over time",
            $"{Words.Count(causes.Sum(c => c.Last))} pages in all: "
                + $"{string.Join(", ", causes.Select(c => $"{Words.Count(c.Last)} by {c.Name}"))}.",
            areas,
            new JsonObject { ["xaxis"] = time.Axis(), ["yaxis"] = Plotly.Axis("pages so far"), ["hovermode"] = "x unified" },
            new TextTable(
                [time.Title, .. causes.Select(c => c.Name)],
                [.. Rows(run.Moments.Count).Select(i => (string[])
                    [Words.Number(x[i]), .. causes.Select(c => Words.Count(c.Values[i]))])]));
    }

    /// <summary>When which page came, and why: a row for some pages, a column for some time.</summary>
    public static Chart Map(RunHistory run, PageMap map, string name = "map")
    {
        TimeScale time = new(run.Nanoseconds, run.IsVirtualTime);
        int rows = Math.Max(1, Math.Min(MostRows, map.Arrivals.Count));
        int[,] cells = Cells(run, map, rows);
        JsonArray z = [];
        for (int row = 0; row < rows; row++)
        {
            JsonArray line = [];
            for (int column = 0; column < Columns; column++) line.Add(cells[row, column]);
            z.Add(line);
        }

        JsonObject heat = new()
        {
            ["type"] = "heatmap",
            ["x"] = Plotly.Numbers(Enumerable.Range(0, Columns).Select(c => time.Of((c + 0.5) * run.Nanoseconds / Columns))),
            ["y"] = Plotly.Numbers(Enumerable.Range(0, rows).Select(r => Math.Floor((double)r * map.Pages / rows))),
            ["z"] = z,
            ["zmin"] = 0,
            ["zmax"] = Kinds.Length,
            ["colorscale"] = Plotly.Steps([.. Kinds.Select(k => k.Color)]),
            ["showscale"] = false,
            ["hovertemplate"] = "from page %{y:,} at %{x}<extra></extra>",
        };
        JsonObject pages = Plotly.Axis("page");
        pages["autorange"] = "reversed";
        long demanded = map.Arrivals.Count(a => a.Cause == PageCause.Demand);
        long absent = map.Arrivals.Count(a => a.Cause == PageCause.Absent);
        string sampled = map.Stride == 1 ? "" : $" One page in {Words.Count(map.Stride)} is looked at.";
        return new Chart(
            name, "Memory map: page and time",
            $"Each row is a run of {Words.Count(Math.Max(1, map.Pages / rows))} pages of {Words.Bytes(map.PageBytes)}, each column a span "
                + $"of {Words.Time((double)run.Nanoseconds / Columns)}. Of {Words.Count(map.Arrivals.Count)} pages, vCPUs had waited for "
                + $"{Words.Count(demanded)}, and {Words.Count(absent)} have never come.{sampled}",
            [heat], new JsonObject { ["xaxis"] = time.Axis(), ["yaxis"] = pages, ["showlegend"] = false }, MapTable(run, map, time))
        {
            Height = 460,
            Legend = Kinds,
        };
    }

    // What has come in a cell decides; where nothing has, how much is there by then.
    private static int[,] Cells(RunHistory run, PageMap map, int rows)
    {
        int[,,] came = new int[rows, Columns, 3];
        int[,] arrived = new int[rows, Columns];
        int[] sizes = new int[rows];
        for (int i = 0; i < map.Arrivals.Count; i++)
        {
            PageArrival page = map.Arrivals[i];
            int row = (int)((long)i * rows / map.Arrivals.Count);
            sizes[row]++;
            if (page.Cause == PageCause.Absent) continue;
            int column = page.Cause == PageCause.Before
                ? 0 : (int)Math.Clamp((double)page.Nanoseconds * Columns / run.Nanoseconds, 0, Columns - 1);
            arrived[row, column]++;
            if (page.Cause != PageCause.Before)
                came[row, column, page.Cause == PageCause.Demand ? 2 : page.State == PageState.Zero ? 0 : 1]++;
        }

        int[,] cells = new int[rows, Columns];
        for (int row = 0; row < rows; row++)
        {
            int there = 0;
            for (int column = 0; column < Columns; column++)
            {
                there += arrived[row, column];
                (int zero, int push, int demand) = (came[row, column, 0], came[row, column, 1], came[row, column, 2]);
                cells[row, column] = (zero, push, demand) switch
                {
                    (0, 0, 0) => there == 0 ? 0 : there < sizes[row] ? 1 : 2,
                    _ when demand > 0 => 5,
                    _ => push >= zero ? 4 : 3,
                };
            }
        }

        return cells;
    }

    private static TextTable MapTable(RunHistory run, PageMap map, TimeScale time)
    {
        List<string[]> rows = [];
        for (int row = 1; row <= TableRows; row++)
        {
            double until = (double)run.Nanoseconds * row / TableRows;
            PageArrival[] there = [.. map.Arrivals.Where(
                a => a.Cause != PageCause.Absent && (a.Nanoseconds <= until || row == TableRows))];
            rows.Add(
            [
                Words.Number(time.Of(until)),
                Words.Count(there.Count(a => a.Cause == PageCause.Before)),
                Words.Count(there.Count(a => a.Cause == PageCause.Demand)),
                Words.Count(there.Count(a => a.Cause == PageCause.Push && a.State != PageState.Zero)),
                Words.Count(there.Count(a => a.Cause == PageCause.Push && a.State == PageState.Zero)),
                Words.Count(map.Arrivals.Count - there.Length),
            ]);
        }

        return new TextTable([$"until, {time.Title}", "there before", "waited for", "pushed", "pushed as zeros", "absent"], rows);
    }

    private static IEnumerable<int> Rows(int count)
    {
        int rows = Math.Min(TableRows, count);
        for (int row = 0; row < rows; row++) yield return (int)(((row + 1L) * count / rows) - 1);
    }
}
