using System.Text.Json.Nodes;
using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Charts;

/// <summary>How long faults took: how many took how long, percentiles over time, and where the time went.</summary>
internal static class LatencyCharts
{
    private const int MostRows = 20;
    private const int MostPoints = 60;
    private static readonly (double Percentile, string Color, string Dash)[] Lines =
        [(50, "@push", "solid"), (90, "@demand", "dash"), (99, "@alarm", "dot")];

    private static readonly string[] HopColors = ["@hop1", "@hop2", "@hop3", "@hop4", "@hop5", "@hop6"];

    /// <summary>Faults by latency, in powers of two of a microsecond, as QEMU's distribution has them.</summary>
    public static Chart Histogram(RunHistory run)
    {
        List<(long From, long Faults)> buckets = PowersOfTwo(run.Faults.Sum(..));
        long all = Math.Max(1, run.Faults.Faults);
        string[] names = [.. buckets.Select(b => b.From == 0 ? "under 1 us" : $"{Words.Count(b.From)} us")];
        JsonObject bars = new()
        {
            ["type"] = "bar",
            ["x"] = Plotly.Texts(names),
            ["y"] = Plotly.Numbers(buckets.Select(b => (double)b.Faults)),
            ["marker"] = new JsonObject { ["color"] = "@push" },
            ["hovertemplate"] = "from %{x}: %{y:,} faults<extra></extra>",
        };
        JsonObject layout = new()
        {
            ["xaxis"] = Plotly.Axis("latency, from this up to twice as long", "category"),
            ["yaxis"] = Plotly.Axis("faults"),
            ["showlegend"] = false,
        };
        return new Chart(
            "latency", "Latency of faults",
            $"{Words.Count(run.Faults.Faults)} faults, from raised to resumed: half of them within "
                + $"{Words.TimeOrNone(run.Faults.Percentile(.., 50))}, 99 of 100 within "
                + $"{Words.TimeOrNone(run.Faults.Percentile(.., 99))}.",
            [bars], layout,
            new TextTable(
                ["from", "faults", "share"],
                [.. buckets.Select((b, i) => new[] { names[i], Words.Count(b.Faults), Words.Share((double)b.Faults / all) })]));
    }

    /// <summary>Percentiles of the faults that ended in each span of time.</summary>
    public static Chart OverTime(RunHistory run)
    {
        TimeScale time = new(run.Nanoseconds, run.IsVirtualTime);
        FaultBins bins = run.Faults;
        Range[] points = [.. Spans(bins.Used, MostPoints)];
        JsonArray lines = [];
        foreach ((double percentile, string color, string dash) in Lines)
        {
            JsonObject line = Plotly.Line(
                $"p{percentile}", color, dash, Middles(points, time, bins),
                Plotly.Numbers(points.Select(span => bins.Percentile(span, percentile) / 1e3)));
            // A span between two that no fault ended in is a point and no line.
            line["mode"] = "lines+markers";
            line["marker"] = new JsonObject { ["size"] = 4, ["color"] = color };
            line["hovertemplate"] = "%{y:.1f} us";
            lines.Add(line);
        }

        double? worst = points.Max(span => bins.Percentile(span, 99));
        return new Chart(
            "percentiles", "Latency over time",
            $"Percentiles of the faults that ended within each {Words.Time(Width(points, bins))}. The highest 99th percentile of one span "
                + $"is {Words.TimeOrNone(worst)}; that of the whole run is {Words.TimeOrNone(bins.Percentile(.., 99))}.",
            lines,
            new JsonObject { ["xaxis"] = time.Axis(), ["yaxis"] = LogMicros(), ["hovermode"] = "x unified" },
            new TextTable(
                [time.Title, "faults", "p50", "p90", "p99"],
                [.. Spans(bins.Used, MostRows).Select(span => new[]
                {
                    $"{Words.Number(time.Of((double)span.Start.Value * bins.Width))} to "
                        + Words.Number(time.Of((double)span.End.Value * bins.Width)),
                    Words.Count(bins.Sum(span).Sum(c => (long)c)),
                    Words.TimeOrNone(bins.Percentile(span, 50)),
                    Words.TimeOrNone(bins.Percentile(span, 90)),
                    Words.TimeOrNone(bins.Percentile(span, 99)),
                })]));
    }

    /// <summary>What share of a fault's time each hop had, over time; the means are in the table.</summary>
    public static Chart Hops(RunHistory run)
    {
        TimeScale time = new(run.Nanoseconds, run.IsVirtualTime);
        FaultBins bins = run.Faults;
        Range[] points = [.. Spans(bins.Used, MostPoints).Where(span => bins.Percentile(span, 50) is not null)];
        (string Name, double Mean, long Faults)[] means =
            [.. FaultSpan.HopNames.Select((name, hop) => (name, bins.MeanHop(hop).Mean, bins.MeanHop(hop).Faults))];
        JsonArray areas = [];
        for (int hop = 0; hop < means.Length; hop++)
        {
            if (means[hop].Faults == 0) continue;
            int at = hop;
            JsonObject area = Plotly.Line(
                means[hop].Name, HopColors[hop], "solid", Middles(points, time, bins),
                Plotly.Numbers(points.Select(span => Math.Round(bins.MeanHop(span, at).Mean / 1e3, 3))));
            area["stackgroup"] = "hops";
            area["groupnorm"] = "percent";
            area["fillcolor"] = HopColors[hop];
            area["line"]!["width"] = 0.5;
            area["hovertemplate"] = "%{y:.1f} %";
            areas.Add(area);
        }

        (string Name, double Mean, long Faults) longest = means.MaxBy(m => m.Mean);
        return new Chart(
            "hops", "Where the time of a fault goes",
            $"Share of each hop in the time of the faults that ended within each {Words.Time(Width(points, bins))}. The longest is "
                + $"{longest.Name}, with {Words.Time(longest.Mean)} in the mean of the run.",
            areas,
            new JsonObject { ["xaxis"] = time.Axis(), ["yaxis"] = Plotly.Axis("% of the time"), ["hovermode"] = "x unified" },
            new TextTable(
                ["hop", "mean", "faults that passed it"],
                [.. means.Select(m => new[] { m.Name, m.Faults == 0 ? "-" : Words.Time(m.Mean), Words.Count(m.Faults) })]));
    }

    private static JsonObject LogMicros()
    {
        JsonObject axis = Plotly.Axis("latency in us", "log");
        axis["dtick"] = 1;
        return axis;
    }

    private static JsonArray Middles(Range[] points, TimeScale time, FaultBins bins) => Plotly.Numbers(
        points.Select(span => time.Of((span.Start.Value + span.End.Value) / 2.0 * bins.Width)));

    private static double Width(Range[] points, FaultBins bins) =>
        points.Length == 0 ? 0 : (double)bins.Width * Math.Max(1, bins.Used / Math.Min(bins.Used, MostPoints));

    private static IEnumerable<Range> Spans(int bins, int most)
    {
        int rows = Math.Min(most, bins);
        for (int row = 0; row < rows; row++) yield return (row * bins / rows)..((row + 1) * bins / rows);
    }

    // From the first bucket that has faults to the last, with the empty ones between.
    private static List<(long From, long Faults)> PowersOfTwo(int[] counts)
    {
        SortedDictionary<int, long> powers = [];
        for (int i = 0; i < counts.Length; i++)
        {
            if (counts[i] == 0) continue;
            double micros = LogBuckets.ValueOf(i) / 1e3;
            int power = micros < 1 ? -1 : (int)Math.Floor(Math.Log2(micros));
            powers[power] = powers.GetValueOrDefault(power) + counts[i];
        }

        if (powers.Count == 0) return [];
        int last = powers.Keys.Last();
        return
        [
            .. Enumerable.Range(powers.Keys.First(), last - powers.Keys.First() + 1)
                .Select(power => (power < 0 ? 0 : 1L << power, powers.GetValueOrDefault(power))),
        ];
    }
}
