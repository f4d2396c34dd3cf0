using System.Globalization;
using System.Net;
using System.Text;
using UffdActors.Explore.Runs;
using UffdActors.Handling;

namespace UffdActors.Explore.Reports;

/// <summary>A run as a sequence chart: which actor sent which message to which other, and what changed.</summary>
internal sealed class SequenceChart : IRunObserver
{
    private readonly List<Line> _lines = [];
    private readonly List<string> _actors = [];
    private readonly Dictionary<object, int> _lastActor = new(ReferenceEqualityComparer.Instance);

    /// <summary>Called for each step as it is made; for walking through a run.</summary>
    public Action<string>? OnLine { get; init; }

    /// <inheritdoc />
    public void Stepped(int step, string actor, object? message, string text, string changes)
    {
        int to = _actors.IndexOf(actor);
        if (to < 0)
        {
            to = _actors.Count;
            _actors.Add(actor);
        }

        // A request and its fill are shown as one message on the ring.
        message = message is IMonitorCall { Request: { } request } ? request : message;
        int from = message is not null && _lastActor.TryGetValue(message, out int last) ? last : to;
        if (message is not null) _lastActor[message] = to;
        Line line = new(step, from, to, text, changes);
        _lines.Add(line);
        OnLine?.Invoke(Words(line));
    }

    /// <summary>The chart as text: a column an actor, an arrow a message.</summary>
    public string ToText(string title)
    {
        StringBuilder text = new();
        text.Append(title).Append('\n');
        for (int i = 0; i < _actors.Count; i++) text.Append(CultureInfo.InvariantCulture, $"  {Letter(i)} = {_actors[i]}\n");
        foreach (Line line in _lines)
        {
            text.Append(CultureInfo.InvariantCulture, $"{line.Step,5}  {Columns(line)}  {Words(line)}\n");
        }

        return text.ToString();
    }

    /// <summary>The chart as an SVG document, without script.</summary>
    public string ToSvg(string title)
    {
        const int Column = 130;
        const int Row = 22;
        int width = (_actors.Count * Column) + 360;
        int height = (_lines.Count * Row) + 90;
        StringBuilder svg = new();
        svg.Append(
            CultureInfo.InvariantCulture,
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" "
                + $"font-family=\"monospace\" font-size=\"11\" role=\"img\">\n");
        svg.Append(CultureInfo.InvariantCulture, $"<title>{WebUtility.HtmlEncode(title)}</title>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<desc>{_lines.Count} steps of {_actors.Count} actors, from top to bottom.</desc>\n");
        svg.Append("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"10\" y=\"18\">{WebUtility.HtmlEncode(title)}</text>\n");
        for (int i = 0; i < _actors.Count; i++)
        {
            int x = X(i);
            svg.Append(
                CultureInfo.InvariantCulture,
                $"<text x=\"{x}\" y=\"40\" text-anchor=\"middle\" font-weight=\"bold\">{WebUtility.HtmlEncode(_actors[i])}</text>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{x}\" y1=\"46\" x2=\"{x}\" y2=\"{height - 20}\" stroke=\"#bbb\"/>\n");
        }

        for (int i = 0; i < _lines.Count; i++)
        {
            Line line = _lines[i];
            int y = 66 + (i * Row);
            int from = X(line.From);
            int to = X(line.To);
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"4\" y=\"{y + 4}\" fill=\"#888\">{line.Step}</text>\n");
            if (from != to)
            {
                int tip = to > from ? to - 6 : to + 6;
                svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{from}\" y1=\"{y}\" x2=\"{tip}\" y2=\"{y}\" stroke=\"#246\"/>\n");
                svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M{to},{y} L{tip},{y - 4} L{tip},{y + 4} Z\" fill=\"#246\"/>\n");
            }

            svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{to}\" cy=\"{y}\" r=\"3\" fill=\"#246\"/>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{to + 8}\" y=\"{y - 4}\">{WebUtility.HtmlEncode(line.Text)}</text>\n");
            if (line.Changes.Length > 0)
                svg.Append(
                    CultureInfo.InvariantCulture,
                    $"<text x=\"{(_actors.Count * Column) + 20}\" y=\"{y + 4}\" "
                        + $"fill=\"#a30\">{WebUtility.HtmlEncode(line.Changes)}</text>\n");
        }

        return svg.Append("</svg>\n").ToString();

        static int X(int actor) => 70 + (actor * Column);
    }

    private string Columns(in Line line)
    {
        StringBuilder columns = new();
        int low = Math.Min(line.From, line.To);
        int high = Math.Max(line.From, line.To);
        for (int i = 0; i < _actors.Count; i++)
        {
            char mark = i == line.To ? '*' : i == line.From ? 'o' : i > low && i < high ? '-' : '.';
            columns.Append(mark).Append(i >= low && i < high ? '-' : ' ');
        }

        return columns.ToString();
    }

    private string Words(in Line line) =>
        (line.From == line.To ? _actors[line.To] : $"{_actors[line.From]} -> {_actors[line.To]}") + $": {line.Text}"
        + (line.Changes.Length > 0 ? $"   [{line.Changes}]" : "");

    private static char Letter(int number) => (char)('A' + (number % 26));

    private readonly record struct Line(int Step, int From, int To, string Text, string Changes);
}
