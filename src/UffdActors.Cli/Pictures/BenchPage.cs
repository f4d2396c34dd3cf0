using UffdActors.Bench;
using UffdActors.Cli.Reports;
using UffdActors.Pictures.Charts;
using UffdActors.Pictures.History;
using UffdActors.Pictures.Html;

namespace UffdActors.Cli.Pictures;

/// <summary>Figures of a bench as a page: those of one run with their spread, or two runs side by side.</summary>
internal static class BenchPage
{
    /// <summary>One run.</summary>
    /// <param name="json">Its document.</param>
    public static string Of(string json)
    {
        BenchDocument run = BenchDocument.Parse(json, "this run");
        return HtmlPage.Of(new HtmlReport
        {
            Title = $"{NameOf(run.Kind)}",
            IsGood = null,
            Verdict = $"{Figures.Count(run.Figures.Count, "figure", "figures")}.",
            Facts = [.. run.Settings.Select(s => new RunFact(s.Key, s.Value))],
            Charts = [SpreadChart.Of(["this run"], [.. run.Figures.Select(f => new SpreadFigure(f.Key, [Range(f.Value)]))])],
            Note = "Each figure is the median of the repeats; the range is from the lowest to the highest of them.",
        });
    }

    /// <summary>Two runs.</summary>
    /// <param name="first">Name of the first.</param>
    /// <param name="second">Name of the second.</param>
    /// <param name="kind">Kind of their documents.</param>
    /// <param name="notes">What was not the same in the two, a sentence each.</param>
    /// <param name="figures">Every figure that both have.</param>
    public static string Of(
        string first, string second, string kind, IReadOnlyList<string> notes, IEnumerable<(string Name, Spread A, Spread B)> figures) =>
        HtmlPage.Of(new HtmlReport
        {
            Title = $"{NameOf(kind)}: B beside A",
            IsGood = null,
            Verdict = notes.Count == 0 ? "Measured with the same settings." : $"{Figures.Count(notes.Count, "difference", "differences")} "
                + "of the settings; see below.",
            Facts = [new RunFact("A", first), new RunFact("B", second)],
            Charts = [SpreadChart.Of(["A", "B"], [.. figures.Select(f => new SpreadFigure(f.Name, [Range(f.A), Range(f.B)]))])],
            Tables =
            [
                new HtmlTable(
                    "settings", "What was not the same", notes.Count == 0 ? "Nothing." : "Read the figures with this in mind.",
                    new TextTable(["note"], [.. notes.Select(n => new[] { n })])),
            ],
            Note = "Each figure is the median of the repeats; the range is from the lowest to the highest of them.",
        });

    private static string NameOf(string kind) => kind.Replace('-', ' ');

    private static (double, double, double) Range(Spread spread) => (spread.Median, spread.Min, spread.Max);
}
