using UffdActors.Cli.Hosting;
using UffdActors.Cli.Reports;

namespace UffdActors.Cli.Tests;

/// <summary>Where the output is no terminal, reports fit COLUMNS, and nothing of them is lost.</summary>
public sealed class WidthTests
{
    private const int Columns = 60;

    /// <summary>Every command that has a document has a report, too.</summary>
    public static TheoryData<string> Reports =>
        [.. DocumentNameTests.Documents.Select(row => string.Join(' ', (string[])row[1])), "conform --filter nothing-of-it"];

    [Theory]
    [MemberData(nameof(Reports))]
    public async Task A_report_fits_the_width_that_is_asked_for(string line)
    {
        using StringWriter output = new();
        _ = await new CommandHost(new Terminal(output, TextWriter.Null, isInteractive: false, columns: Columns)).RunAsync(line.Split(' '));
        Assert.All(output.ToString().Split('\n'), text => Assert.True(text.TrimEnd().Length <= Columns, text));
    }

    [Theory]
    [InlineData("a short line", 20, "a short line")]
    [InlineData("words that are folded at a space", 16, "words that are|  folded at a|  space")]
    [InlineData("name      a value that is long", 22, "name      a value that|          is long")]
    [InlineData("  indented words that go on", 14, "  indented|    words that|    go on")]
    [InlineData("aVeryLongWordThatHasNoSpace", 10, "aVeryLongW|  ordThatH|  asNoSpac|  e")]
    [InlineData("", 10, "")]
    [InlineData("two\nlines", 10, "two|lines")]
    public void A_line_is_folded_at_spaces_below_its_value(string text, int width, string lines)
    {
        string[] folded = [.. FoldedText.Lines(text, width)];
        Assert.Equal(lines.Split('|'), folded);
        Assert.All(folded, line => Assert.InRange(line.Length, 0, width));
    }

    [Fact]
    public void A_table_that_does_not_fit_is_a_list_of_its_cells()
    {
        ReportTable table = new("figure", "A", "what it was");
        table.AddRow("first", "1", "a [value]");
        table.AddRow("second", "", "another value that is long");

        Assert.Contains(" figure   A   what it was ", Written(table, 80)[1], StringComparison.Ordinal);
        Assert.Equal(
            [
                "figure first", "  A            1", "  what it was  a [value]", "figure second", "  what it was  another value that is",
                "               long",
            ],
            Written(table, 40));
    }

    private static string[] Written(ReportTable table, int columns)
    {
        using StringWriter output = new();
        table.Write(new Terminal(output, TextWriter.Null, isInteractive: false, columns));
        return output.ToString().TrimEnd('\n').Split('\n');
    }
}
