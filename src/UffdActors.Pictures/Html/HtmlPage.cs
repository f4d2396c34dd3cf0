using System.Net;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using UffdActors.Pictures.Charts;

namespace UffdActors.Pictures.Html;

/// <summary>
/// Writes a report as one HTML file that needs nothing else: style, script and the plotting library are in it, and it loads nothing.
/// Without script the tables stay.
/// </summary>
internal static class HtmlPage
{
    private static readonly JsonSerializerOptions Compact = new() { WriteIndented = false };

    /// <summary>The page.</summary>
    public static string Of(HtmlReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        StringBuilder page = new();
        page.Append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.Append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.Append("<meta name=\"color-scheme\" content=\"light dark\">\n");
        // Whatever a message in it may be made of, the page loads nothing and sends nothing.
        page.Append("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; ");
        page.Append("script-src 'unsafe-inline'; img-src data: blob:\">\n");
        page.Append($"<title>{Escape(report.Title)}</title>\n<style>\n{Resource("page.css")}</style>\n</head>\n<body>\n");
        Head(page, report);
        page.Append("<main id=\"content\">\n");
        Facts(page, report);
        foreach (Chart chart in report.Charts) Figure(page, chart);
        foreach (HtmlDrawing drawing in report.Drawings) Drawing(page, drawing);
        foreach (HtmlTable table in report.Tables) Section(page, table);
        page.Append("</main>\n");
        if (report.Note.Length > 0) page.Append($"<footer><p>{Escape(report.Note)}</p></footer>\n");
        if (report.Charts.Count > 0)
            page.Append($"<script>\n{Resource("plotly.js")}\n</script>\n<script>\n{Resource("page.js")}</script>\n");
        return page.Append("</body>\n</html>\n").ToString();
    }

    private static void Head(StringBuilder page, HtmlReport report)
    {
        string mark = report.IsGood switch { true => "good", false => "bad", null => "neutral" };
        page.Append("<a class=\"skip\" href=\"#content\">To the content</a>\n<header>\n");
        page.Append($"<h1>{Escape(report.Title)}</h1>\n<p class=\"verdict {mark}\">{Escape(report.Verdict)}</p>\n");
        page.Append("<nav aria-label=\"Parts of this page\"><ul>\n");
        IEnumerable<(string Id, string Title)> parts = report.Charts.Select(c => (c.Id, c.Title))
            .Concat(report.Drawings.Select(d => (d.Id, d.Title))).Concat(report.Tables.Select(t => (t.Id, t.Title)));
        foreach ((string id, string title) in parts) page.Append($"<li><a href=\"#{id}\">{Escape(title)}</a></li>\n");
        page.Append("</ul></nav>\n</header>\n");
    }

    private static void Facts(StringBuilder page, HtmlReport report)
    {
        if (report.Facts.Count == 0) return;
        page.Append("<dl class=\"facts\">\n");
        foreach ((string name, string value) in report.Facts)
            page.Append($"<div><dt>{Escape(name)}</dt><dd>{Escape(value)}</dd></div>\n");
        page.Append("</dl>\n");
    }

    private static void Figure(StringBuilder page, Chart chart)
    {
        JsonObject figure = new() { ["data"] = chart.Data.DeepClone(), ["layout"] = chart.Layout.DeepClone() };
        page.Append($"<figure id=\"{chart.Id}\" aria-labelledby=\"{chart.Id}-title\" aria-describedby=\"{chart.Id}-text\">\n");
        page.Append($"<h2 id=\"{chart.Id}-title\">{Escape(chart.Title)}</h2>\n<p id=\"{chart.Id}-text\">{Escape(chart.Summary)}</p>\n");
        if (chart.Legend.Count > 0)
        {
            page.Append("<ul class=\"legend\">\n");
            foreach ((string color, string meaning) in chart.Legend)
                page.Append($"<li><span class=\"swatch\" style=\"background:var(--{color[1..]})\"></span>{Escape(meaning)}</li>\n");
            page.Append("</ul>\n");
        }

        page.Append($"<div class=\"plot\" role=\"img\" tabindex=\"0\" style=\"height:{chart.Height}px\" ");
        page.Append($"aria-labelledby=\"{chart.Id}-title\" aria-describedby=\"{chart.Id}-text {chart.Id}-keys\">");
        page.Append("<noscript>This chart needs script; the table below has its figures.</noscript></div>\n");
        page.Append($"<p class=\"keys\" id=\"{chart.Id}-keys\">Keys: left and right move, + and - zoom, 0 shows all. ");
        page.Append("Mouse: drag to zoom, double-click to show all.</p>\n");
        // Written so that no text can end the element.
        page.Append($"<script type=\"application/json\">{figure.ToJsonString(Compact)}</script>\n");
        page.Append($"<details><summary>The figures of \"{Escape(chart.Title)}\" as a table</summary>\n");
        Table(page, chart.Table, chart.Title);
        page.Append("</details>\n</figure>\n");
    }

    private static void Drawing(StringBuilder page, HtmlDrawing drawing)
    {
        page.Append($"<figure id=\"{drawing.Id}\" aria-labelledby=\"{drawing.Id}-title\" aria-describedby=\"{drawing.Id}-text\">\n");
        page.Append($"<h2 id=\"{drawing.Id}-title\">{Escape(drawing.Title)}</h2>\n<p id=\"{drawing.Id}-text\">");
        page.Append($"{Escape(drawing.Summary)}</p>\n");
        page.Append($"<div class=\"scroll drawing\" role=\"group\" tabindex=\"0\" aria-labelledby=\"{drawing.Id}-title\">\n{drawing.Svg}");
        page.Append($"</div>\n<details><summary>\"{Escape(drawing.Title)}\" as text</summary>\n");
        page.Append($"<pre class=\"scroll\" tabindex=\"0\">{Escape(drawing.Text)}</pre>\n</details>\n</figure>\n");
    }

    private static void Section(StringBuilder page, HtmlTable table)
    {
        page.Append($"<section id=\"{table.Id}\" aria-labelledby=\"{table.Id}-title\">\n<h2 id=\"{table.Id}-title\">");
        page.Append($"{Escape(table.Title)}</h2>\n<p>{Escape(table.Summary)}</p>\n");
        if (table.Table.Rows.Count > 0) Table(page, table.Table, table.Title);
        page.Append("</section>\n");
    }

    private static void Table(StringBuilder page, TextTable table, string caption)
    {
        page.Append($"<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"{Escape(caption)}\">\n<table>\n");
        string[] classes = [.. table.Columns.Select((_, i) => IsText(table, i) ? " class=\"text\"" : "")];
        page.Append($"<caption>{Escape(caption)}</caption>\n<thead><tr>");
        for (int i = 0; i < table.Columns.Count; i++) page.Append($"<th scope=\"col\"{classes[i]}>{Escape(table.Columns[i])}</th>");
        page.Append("</tr></thead>\n<tbody>\n");
        foreach (IReadOnlyList<string> row in table.Rows)
        {
            page.Append("<tr>");
            for (int i = 0; i < row.Count; i++)
                page.Append(i == 0 ? $"<th scope=\"row\">{Escape(row[i])}</th>" : $"<td{classes[i]}>{Escape(row[i])}</td>");
            page.Append("</tr>\n");
        }

        page.Append("</tbody>\n</table>\n</div>\n");
    }

    // Figures are set to the right, one below the other; words are not.
    private static bool IsText(TextTable table, int column) =>
        table.Rows.Any(row => row[column] is { Length: > 0 } cell && cell != "-" && !char.IsAsciiDigit(cell[0]));

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    private static string Resource(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
