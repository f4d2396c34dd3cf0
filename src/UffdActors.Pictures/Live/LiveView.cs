using System.Globalization;
using UffdActors.Pictures.Charts;
using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Live;

/// <summary>
/// The live view as lines of text: a pure function of a snapshot and the size of the terminal. Every state of a page has a character of its
/// own, so nothing is said by color alone.
/// </summary>
internal static class LiveView
{
    private const int MostMapRows = 16;
    private const int LeastMapRows = 2;
    private const int OtherRows = 16;
    private const int NameWidth = 10;
    private const int BarWidth = 10;
    private const int BarCell = 26;
    private const int MostIncidents = 3;

    private static readonly (CellState State, char Mark, string Name, LiveStyle Style)[] Marks =
    [
        (CellState.Absent, '·', "absent", LiveStyle.Dim), (CellState.Requested, '▚', "requested", LiveStyle.Requested),
        (CellState.Demand, '█', "demand", LiveStyle.Demand), (CellState.Push, '▓', "pushed", LiveStyle.Push),
        (CellState.Zero, '░', "zero", LiveStyle.Zero), (CellState.GivenBack, '▁', "given back", LiveStyle.Other),
        (CellState.Written, '▀', "protected", LiveStyle.Other), (CellState.Before, '▒', "before", LiveStyle.Other),
    ];

    /// <summary>Cells that the memory map has room for.</summary>
    public static int CellsFor(int width, int height) => Math.Max(1, width) * MapRows(height);

    /// <summary>The lines.</summary>
    /// <param name="title">What runs.</param>
    /// <param name="now">How it is.</param>
    /// <param name="width">Columns of the terminal.</param>
    /// <param name="height">Its rows; there are never more lines.</param>
    public static IReadOnlyList<LiveLine> Of(string title, LiveSnapshot now, int width, int height)
    {
        List<LiveLine> lines = [Head(title, now)];
        Map(lines, now, width, height);
        Incidents(lines, now);
        Rates(lines, now, width);
        if (now.Faults > 0)
        {
            lines.Add(Row("latency", $"last second p50 {Words.TimeOrNone(now.RecentMedian)}, p99 {Words.TimeOrNone(now.RecentP99)}; "
                + $"all p50 {Words.TimeOrNone(now.Median)}, p99 {Words.TimeOrNone(now.P99)}"));
            lines.AddRange(Wrapped("hops", now.Hops.Select(h => $"{h.Name} {Words.Time(h.MeanNanoseconds)}"), width));
        }

        Vcpus(lines, now, width);
        return [.. lines.Take(Math.Max(1, height)).Select(line => line.Cut(width))];
    }

    private static LiveLine Head(string title, LiveSnapshot now)
    {
        List<LiveSpan> spans = [new(title, LiveStyle.Strong)];
        if (now == LiveSnapshot.Waiting) spans.Add(new("  the guest does not run yet", LiveStyle.Plain));
        else spans.Add(new(string.Create(CultureInfo.InvariantCulture, $"  {now.Elapsed.TotalSeconds:0.0} s"), LiveStyle.Plain));
        if (now.Pages > 0)
            spans.Add(new(
                $"  {Words.Count(now.ReceivedPages)} of {Words.Count(now.Pages)} pages "
                    + $"({Words.Share((double)now.ReceivedPages / now.Pages)})",
                LiveStyle.Plain));
        return new LiveLine(spans);
    }

    private static void Map(List<LiveLine> lines, LiveSnapshot now, int width, int height)
    {
        if (now.Cells.Count == 0) return;
        for (int from = 0, row = 0; from < now.Cells.Count && row < MapRows(height); from += width, row++)
        {
            List<LiveSpan> spans = [];
            int end = Math.Min(now.Cells.Count, from + width);
            for (int at = from; at < end;)
            {
                CellState state = now.Cells[at];
                int run = at;
                while (run < end && now.Cells[run] == state) run++;
                (CellState _, char mark, string _, LiveStyle style) = Marks[(int)state];
                spans.Add(new LiveSpan(new string(mark, run - at), style));
                at = run;
            }

            lines.Add(new LiveLine(spans));
        }

        Legend(lines, width);
    }

    private static void Legend(List<LiveLine> lines, int width)
    {
        List<LiveSpan> spans = [];
        int used = 0;
        foreach ((CellState _, char mark, string name, LiveStyle style) in Marks)
        {
            int length = name.Length + 3;
            if (used + length > width && spans.Count > 0)
            {
                lines.Add(new LiveLine(spans));
                spans = [];
                used = 0;
            }

            spans.Add(new LiveSpan(mark.ToString(), style));
            spans.Add(new LiveSpan($" {name} ", LiveStyle.Dim));
            used += length;
        }

        lines.Add(new LiveLine(spans));
    }

    private static void Rates(List<LiveLine> lines, LiveSnapshot now, int width)
    {
        IEnumerable<LiveFigure> growing = now.Figures.Where(f => f.PerSecond is not null && f.Value > 0);
        IEnumerable<LiveFigure> known = now.Figures.Where(f => f.Value > 0 || f.PerSecond is null);
        lines.AddRange(Wrapped("rates", growing.Select(f => $"{f.Name} {Words.Rate(f.PerSecond!.Value)}"), width));
        lines.AddRange(Wrapped("in all", known.Select(f => $"{f.Name} {Words.Count(f.Value)}"), width));
    }

    private static void Vcpus(List<LiveLine> lines, LiveSnapshot now, int width)
    {
        int across = Math.Max(1, (width - NameWidth) / BarCell);
        for (int from = 0; from < now.Blocked.Count; from += across)
        {
            List<LiveSpan> spans = [new((from == 0 ? "blocked" : "").PadRight(NameWidth), LiveStyle.Dim)];
            foreach (int vcpu in Enumerable.Range(from, Math.Min(across, now.Blocked.Count - from)))
            {
                double share = now.Blocked[vcpu];
                int full = (int)Math.Round(share * BarWidth);
                spans.Add(new LiveSpan($"vCPU {vcpu,-3}", LiveStyle.Plain));
                spans.Add(new LiveSpan(new string('█', full) + new string('·', BarWidth - full), LiveStyle.Demand));
                string percent = string.Create(CultureInfo.InvariantCulture, $" {100 * share,3:0} % ");
                spans.Add(new LiveSpan(percent.PadRight(BarCell - 8 - BarWidth), LiveStyle.Plain));
            }

            lines.Add(new LiveLine(spans));
        }
    }

    private static void Incidents(List<LiveLine> lines, LiveSnapshot now)
    {
        long all = now.Incidents.Count + now.MoreIncidents;
        if (all == 0)
        {
            lines.Add(Row("incidents", "none"));
            return;
        }

        lines.Add(new LiveLine([new("incidents".PadRight(NameWidth), LiveStyle.Dim), new(Words.Count(all), LiveStyle.Alarm)]));
        foreach (RunIncident incident in now.Incidents.TakeLast(MostIncidents))
            lines.Add(LiveLine.Of($"  {Words.Time(incident.Nanoseconds)} {incident.Kind}: {incident.Message}", LiveStyle.Alarm));
    }

    private static IEnumerable<LiveLine> Wrapped(string name, IEnumerable<string> parts, int width)
    {
        string line = "";
        foreach (string part in parts)
        {
            string longer = line.Length == 0 ? part : $"{line}, {part}";
            if (line.Length > 0 && NameWidth + longer.Length + 1 > width)
            {
                yield return Row(name, line + ",");
                name = "";
                longer = part;
            }

            line = longer;
        }

        if (line.Length > 0) yield return Row(name, line);
    }

    private static LiveLine Row(string name, string text) =>
        new([new(name.PadRight(NameWidth), LiveStyle.Dim), new(text, LiveStyle.Plain)]);

    // What the other lines leave, with four vCPUs and an incident.
    private static int MapRows(int height) => Math.Clamp(height - OtherRows, LeastMapRows, MostMapRows);
}
