namespace UffdActors.Cli.Hosting;

/// <summary>Folds a line of a report to a width: at spaces, and what follows stands below the value, not below the name.</summary>
internal static class FoldedText
{
    private const int Indent = 2;

    /// <summary>The lines. A word that is longer than a line is cut, for nothing may be lost.</summary>
    /// <param name="text">A line; several are folded each by itself.</param>
    /// <param name="width">Characters of a line, at least 8.</param>
    public static IEnumerable<string> Lines(string text, int width) =>
        text.ReplaceLineEndings("\n").Split('\n').SelectMany(line => Fold(line, width));

    private static IEnumerable<string> Fold(string line, int width)
    {
        string indent = new(' ', HangingIndent(line, width));
        string left = line;
        while (left.Length > width)
        {
            // Behind the indent, so that each line takes some of it.
            int least = left.StartsWith(indent, StringComparison.Ordinal) ? indent.Length : 0;
            int space = left.LastIndexOf(' ', width, width - least);
            bool isCut = space <= least || string.IsNullOrWhiteSpace(left[..space]);
            yield return left[..(isCut ? width : space)].TrimEnd();
            left = indent + left[(isCut ? width : space)..].TrimStart();
        }

        yield return left;
    }

    // Where the value begins behind a name and several spaces, if that leaves half the line; else a little further than the line itself.
    private static int HangingIndent(string line, int width)
    {
        int start = line.Length - line.TrimStart().Length;
        int gap = line.IndexOf("  ", start, StringComparison.Ordinal);
        int value = gap < 0 ? -1 : gap;
        while (value >= 0 && value < line.Length && line[value] == ' ') value++;
        return value > 0 && value <= width / 2 ? value : Math.Min(start + Indent, width / 2);
    }
}
