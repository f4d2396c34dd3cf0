using Spectre.Console;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Reports;

/// <summary>
/// A row of a report: a name, a value, and QEMU's name of the figure. Where that does not fit the width, the value is folded below itself
/// and QEMU's name stands in a line of its own.
/// </summary>
internal static class ReportRow
{
    private const int NameWidth = 20;
    private const int ValueWidth = 56;
    private const int ValueAt = NameWidth + 3;

    /// <summary>Writes it.</summary>
    public static void Write(IAnsiConsole console, string name, string value, string qemu = "")
    {
        string line = $"  {name,-NameWidth} {(qemu.Length > 0 ? value.PadRight(ValueWidth) : value)}";
        int width = console.Profile.Width;
        if (line.Length + (qemu.Length > 0 ? qemu.Length + 1 : 0) <= width)
        {
            if (qemu.Length > 0) console.MarkupLineInterpolated($"{line} [dim]{qemu}[/]");
            else console.WriteLine(line);
            return;
        }

        foreach (string folded in FoldedText.Lines($"  {name,-NameWidth} {value}", width)) console.WriteLine(folded);
        if (qemu.Length > 0) console.MarkupLineInterpolated($"{new string(' ', Math.Min(ValueAt, width / 2))}[dim]{qemu}[/]");
    }
}
