using System.Globalization;
using System.Text;
using UffdActors.Model.Inputs;

namespace UffdActors;

/// <summary>
/// The pages that a guest needed first in some run, in the order of their first touch: what
/// <see cref="IPrefetchOrder.Recorded"/> fetches first in the next one. A small text file on disk.
/// </summary>
/// <remarks>
/// The file has the line <c>uffd working set 1</c>, the line <c>pages N</c> with the base pages of the region, and then a line for each run
/// of pages that were touched one after another: <c>PAGE</c>, or <c>PAGE+COUNT</c>.
/// </remarks>
public sealed class WorkingSet
{
    private const string Header = "uffd working set 1";
    private const long MaxFileBytes = 1L << 30;

    /// <summary>Makes a working set.</summary>
    /// <param name="regionPages">Base pages of the region.</param>
    /// <param name="pages">Base pages of the region, in the order of their first touch.</param>
    /// <exception cref="ArgumentException">The region has fewer than 0 pages; or a page is not in it, or comes twice.</exception>
    public WorkingSet(long regionPages, IReadOnlyList<long> pages)
    {
        ArgumentNullException.ThrowIfNull(pages);
        ArgumentOutOfRangeException.ThrowIfNegative(regionPages);
        HashSet<long> seen = [];
        foreach (long page in pages)
        {
            if (page < 0 || page >= regionPages)
                throw new ArgumentException($"Page {page} is not in a region of {regionPages} pages.", nameof(pages));
            if (!seen.Add(page)) throw new ArgumentException($"Page {page} comes twice.", nameof(pages));
        }

        RegionPages = regionPages;
        // The caller may go on with its list; a push reads these while it runs.
        Pages = Array.AsReadOnly(pages.ToArray());
    }

    /// <summary>Base pages of the region that it was recorded of.</summary>
    public long RegionPages { get; }

    /// <summary>Base pages, in the order of their first touch.</summary>
    public IReadOnlyList<long> Pages { get; }

    /// <summary>Reads a file that <see cref="Save"/> has written.</summary>
    /// <exception cref="InputFileException">It cannot be read, or is no working set; the message names the line.</exception>
    public static WorkingSet Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string[] lines;
        try
        {
            lines = InputFile.ReadText(path, MaxFileBytes).Split('\n');
        }
        catch (InputFileException e)
        {
            throw new InputFileException($"Working set \"{path}\" cannot be read: {e.Message}.", e);
        }

        if (lines[0].TrimEnd('\r') != Header)
            throw new InputFileException($"Working set \"{path}\", line 1: \"{Header}\" is expected; it is no such file, or a later one.");
        if (lines.Length < 2 || !lines[1].StartsWith("pages ", StringComparison.Ordinal)
            || !TryParse(lines[1].AsSpan("pages ".Length).TrimEnd('\r'), out long regionPages))
            throw new InputFileException($"Working set \"{path}\", line 2: \"pages N\" is expected, the base pages of the region.");
        List<long> pages = [];
        HashSet<long> seen = [];
        for (int i = 2; i < lines.Length; i++)
        {
            ReadOnlySpan<char> line = lines[i].AsSpan().TrimEnd('\r');
            if (line.IsEmpty && i == lines.Length - 1) break;
            (long first, long count) = RunOf(line) ?? throw Wrong(path, i, "is no page and no PAGE+COUNT");
            if (first >= regionPages || count > regionPages - first)
                throw Wrong(path, i, $"is not within the {regionPages} pages of line 2");
            for (long page = first; page < first + count; page++)
            {
                if (!seen.Add(page)) throw Wrong(path, i, $"has page {page} again");
                pages.Add(page);
            }
        }

        return new WorkingSet(regionPages, pages);
    }

    /// <summary>Writes it to a file, which appears when it is whole.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Nor may it be.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        StringBuilder text = new();
        _ = text.Append(Header).Append('\n').Append(CultureInfo.InvariantCulture, $"pages {RegionPages}\n");
        for (int i = 0; i < Pages.Count;)
        {
            int run = 1;
            while (i + run < Pages.Count && Pages[i + run] == Pages[i] + run) run++;
            _ = run == 1
                ? text.Append(CultureInfo.InvariantCulture, $"{Pages[i]}\n")
                : text.Append(CultureInfo.InvariantCulture, $"{Pages[i]}+{run}\n");
            i += run;
        }

        OutputFile.Check(path);
        string partial = path + ".partial";
        try
        {
            File.WriteAllText(partial, text.ToString());
            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    private static (long First, long Count)? RunOf(ReadOnlySpan<char> line)
    {
        int plus = line.IndexOf('+');
        if (plus < 0) return TryParse(line, out long page) ? (page, 1) : null;
        return TryParse(line[..plus], out long first) && TryParse(line[(plus + 1)..], out long count) && count > 0 ? (first, count) : null;
    }

    private static bool TryParse(ReadOnlySpan<char> text, out long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private static InputFileException Wrong(string path, int line, string what) =>
        new($"Working set \"{path}\", line {line + 1} {what}.");
}
