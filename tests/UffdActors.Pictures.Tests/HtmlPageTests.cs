using System.Security.Cryptography;
using System.Text.Json;
using AngleSharp.Dom;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;
using UffdActors.Pictures.Charts;
using UffdActors.Pictures.History;
using UffdActors.Pictures.Html;

namespace UffdActors.Pictures.Tests;

/// <summary>A page as a browser and a screen reader find it; what it looks like is for eyes.</summary>
public sealed class HtmlPageTests
{
    private const string Nasty = "</script><img src=x onerror=alert(1)> & \"quotes\"";

    private static readonly string Text = HtmlPage.Of(new HtmlReport
    {
        Title = "uffd postcopy",
        Verdict = Nasty,
        IsGood = false,
        Facts = [new RunFact("kernel", Nasty)],
        Charts = RunCharts.Of(Runs.Small()),
        Drawings = [new HtmlDrawing("chart", "Sequence", "An arrow.", "<svg role=\"img\"><title>a</title></svg>", "a -> b <c>")],
        Tables = [HtmlReport.IncidentsOf(Runs.Small(Nasty))],
        Note = "Times of the model.",
    });

    private static readonly IHtmlDocument Page = new HtmlParser(new HtmlParserOptions { IsStrictMode = false }).ParseDocument(Text);

    private static readonly string[] Names = ["map", "causes", "latency", "percentiles", "hops", "vcpus", "rates", "levels"];

    public static TheoryData<string> Charts => [.. Names];

    [Theory]
    [MemberData(nameof(Charts))]
    public void A_chart_has_a_title_a_sentence_a_focus_and_the_same_as_a_table(string id)
    {
        IElement figure = Page.GetElementById(id)!;
        Assert.Equal("FIGURE", figure.TagName);
        IElement plot = figure.QuerySelector(".plot")!;
        Assert.Equal(("img", "0"), (plot.GetAttribute("role"), plot.GetAttribute("tabindex")));
        foreach (string attribute in new[] { "aria-labelledby", "aria-describedby" })
        {
            string[] names = plot.GetAttribute(attribute)!.Split(' ');
            Assert.All(names, name => Assert.NotEqual("", Page.GetElementById(name)!.TextContent.Trim()));
        }

        IElement table = figure.QuerySelector("details table")!;
        int columns = table.QuerySelectorAll("thead th[scope=col]").Length;
        Assert.InRange(columns, 2, 20);
        IElement[] rows = [.. table.QuerySelectorAll("tbody tr")];
        Assert.NotEmpty(rows);
        Assert.All(rows, row => Assert.Equal(columns, row.Children.Length));
        Assert.All(rows, row => Assert.Equal("TH", row.Children[0].TagName));
    }

    [Theory]
    [MemberData(nameof(Charts))]
    public void The_figure_of_a_chart_is_one_that_plotly_takes(string id)
    {
        using JsonDocument figure = JsonDocument.Parse(Page.QuerySelector($"#{id} script[type='application/json']")!.TextContent);
        JsonElement[] traces = [.. figure.RootElement.GetProperty("data").EnumerateArray()];
        Assert.NotEmpty(traces);
        foreach (JsonElement trace in traces)
        {
            string type = trace.GetProperty("type").GetString()!;
            Assert.Contains(type, new[] { "scatter", "bar", "heatmap" });
            int x = trace.GetProperty("x").GetArrayLength();
            if (type != "heatmap")
            {
                Assert.Equal(x, trace.GetProperty("y").GetArrayLength());
                continue;
            }

            JsonElement[] rows = [.. trace.GetProperty("z").EnumerateArray()];
            Assert.Equal(trace.GetProperty("y").GetArrayLength(), rows.Length);
            Assert.All(rows, row => Assert.Equal(x, row.GetArrayLength()));
        }

        Assert.All(["xaxis", "yaxis"], axis => Assert.Equal(
            JsonValueKind.Object, figure.RootElement.GetProperty("layout").GetProperty(axis).ValueKind));
    }

    [Fact]
    public void Every_color_that_a_chart_names_is_one_of_the_style_in_light_and_in_dark()
    {
        string style = Page.QuerySelector("style")!.TextContent;
        string[] themes = style.Split("@media (prefers-color-scheme: dark)");
        Assert.Equal(2, themes.Length);
        IEnumerable<string> named = Page.QuerySelectorAll("script[type='application/json']")
            .SelectMany(s => s.TextContent.Split('"').Where(part => part.StartsWith('@'))).Select(part => part[1..]);
        Assert.All(named.Distinct(), name => Assert.All(themes, theme => Assert.Contains($"--{name}:", theme, StringComparison.Ordinal)));
    }

    [Fact]
    public void Whatever_a_message_is_made_of_it_stays_text()
    {
        Assert.Empty(Page.QuerySelectorAll("img"));
        Assert.Equal(Nasty, Page.QuerySelector(".verdict")!.TextContent);
        Assert.Equal(Nasty, Page.QuerySelector(".facts dd")!.TextContent);
        Assert.Equal(Nasty, Page.QuerySelectorAll("#incidents tbody td")[^1].TextContent);
    }

    [Fact]
    public void It_loads_nothing()
    {
        Assert.Empty(Page.QuerySelectorAll("link, iframe, object, embed, [src]"));
        Assert.Contains(
            "default-src 'none'", Page.QuerySelector("meta[http-equiv='Content-Security-Policy']")!.GetAttribute("content"),
            StringComparison.Ordinal);
        Assert.All(Page.QuerySelectorAll("[href]"), a => Assert.StartsWith("#", a.GetAttribute("href"), StringComparison.Ordinal));
        Assert.DoesNotContain("url(", Page.QuerySelector("style")!.TextContent, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_within_the_page_are_there_once_and_every_part_is_reached_from_the_top()
    {
        string[] ids = [.. Page.QuerySelectorAll("[id]").Select(e => e.Id!)];
        Assert.Equal(ids.Distinct(), ids);
        string[] reached = [.. Page.QuerySelectorAll("nav a").Select(a => a.GetAttribute("href")![1..])];
        Assert.Equal([.. Names, "chart", "incidents"], reached);
        Assert.All(reached, id => Assert.NotNull(Page.GetElementById(id)));
        Assert.Equal("en", Page.DocumentElement.GetAttribute("lang"));
        Assert.Single(Page.QuerySelectorAll("h1"));
        Assert.Single(Page.QuerySelectorAll("main"));
    }

    [Fact]
    public void What_scrolls_can_be_reached_by_keyboard() =>
        Assert.All(Page.QuerySelectorAll(".scroll"), e => Assert.Equal("0", e.GetAttribute("tabindex")));

    [Fact]
    public void A_drawing_is_there_as_text_too() =>
        Assert.Equal("a -> b <c>", Page.QuerySelector("#chart details pre")!.TextContent);

    [Fact]
    public void A_page_without_charts_carries_no_library() =>
        Assert.DoesNotContain(
            "plotly", HtmlPage.Of(new HtmlReport { Title = "a", Verdict = "b", IsGood = null }), StringComparison.OrdinalIgnoreCase);

    [Fact]
    public void The_library_is_the_one_that_was_looked_at()
    {
        using Stream library = typeof(HtmlPage).Assembly.GetManifestResourceStream("plotly.js")!;
        Assert.Equal(
            "8ef4c6ab1369f0019611cbcd2d5b8aafef23e5d19ef58c39d4b4249831fe2180", Convert.ToHexStringLower(SHA256.HashData(library)));
    }
}
