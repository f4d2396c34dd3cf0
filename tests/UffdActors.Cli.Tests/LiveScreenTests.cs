using Spectre.Console;
using UffdActors.Cli.Pictures;
using UffdActors.Pictures.History;

namespace UffdActors.Cli.Tests;

/// <summary>The live view on a terminal; what it says is in the tests of its project.</summary>
public sealed class LiveScreenTests
{
    private const int Width = 50;

    [Theory]
    [InlineData(ColorSystemSupport.NoColors, false)]
    [InlineData(ColorSystemSupport.TrueColor, true)]
    public void It_fits_the_terminal_and_has_colors_only_where_there_are_any(ColorSystemSupport colors, bool isColored)
    {
        using StringWriter output = new();
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            ColorSystem = colors,
            Out = new AnsiConsoleOutput(output),
        });
        (console.Profile.Width, console.Profile.Height) = (Width, 20);
        int asked = 0;

        console.Write(LiveScreen.Drawn(console, "uffd postcopy", cells =>
        {
            asked = cells;
            return new LiveSnapshot
            {
                Pages = cells,
                Cells = [.. Enumerable.Repeat(CellState.Demand, cells)],
                Elapsed = TimeSpan.FromSeconds(1),
            };
        }));

        Assert.Equal(isColored, output.ToString().Contains("\e[38", StringComparison.Ordinal));
        string[] lines = [.. AnsiConsoleText(output.ToString()).Split('\n')];
        Assert.All(lines, line => Assert.InRange(line.TrimEnd().Length, 0, Width - 1));
        Assert.Equal(asked, lines.Where(l => l.StartsWith("██", StringComparison.Ordinal)).Sum(l => l.Count(c => c == '█')));
        Assert.InRange(lines.Length, 5, 20);
    }

    private static string AnsiConsoleText(string text) => System.Text.RegularExpressions.Regex.Replace(text, "\e\\[[0-9;]*m", "");
}
