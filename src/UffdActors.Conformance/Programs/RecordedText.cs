using UffdActors.Model.Inputs;

namespace UffdActors.Conformance.Programs;

/// <summary>The lines of a file of recorded behaviour.</summary>
internal static class RecordedText
{
    // The longest of the project's recordings has some megabytes.
    private const long MaxBytes = 64L << 20;

    /// <summary>All lines.</summary>
    /// <exception cref="ConformanceDataException">
    /// It is no regular file, cannot be read, is too large, is no text, or changed while it was read.
    /// </exception>
    public static IEnumerable<string> Lines(string path)
    {
        using IEnumerator<string> lines = InputFile.ReadLines(path, MaxBytes).GetEnumerator();
        while (Next(path, lines)) yield return lines.Current;
    }

    private static bool Next(string path, IEnumerator<string> lines)
    {
        try
        {
            return lines.MoveNext();
        }
        catch (InputFileException e)
        {
            throw new ConformanceDataException($"{path} cannot be read: {e.Message}.", e);
        }
    }
}
