using System.IO.Enumeration;
using UffdActors.Conformance.Matrices;
using UffdActors.Conformance.Programs;

namespace UffdActors.Conformance.Runs;

/// <summary>
/// Finds and reads recorded behaviour: <c>matrix_faults.csv</c>, <c>matrix_ops.csv</c> and every <c>*.jsonl</c> under a folder.
/// </summary>
internal static class ConformanceData
{
    private const int MaxEntries = 100_000;

    /// <summary>The project's own recordings of Linux 6.18, which lie beside the program.</summary>
    public static string OwnFolder { get; } = Path.Combine(AppContext.BaseDirectory, "data", "linux-6.18");

    /// <summary>Reads a folder.</summary>
    /// <param name="folder">Folder.</param>
    /// <param name="filter">
    /// Text that the name of a file must contain; of a matrix whose name does not, the rows whose text does. Empty for everything.
    /// </param>
    /// <returns>The files, matrices first, then by name.</returns>
    /// <exception cref="ConformanceDataException">There is nothing to replay.</exception>
    /// <exception cref="TraceFormatException">A line violates the format.</exception>
    public static IReadOnlyList<RecordedFile> Read(string folder, string filter = "")
    {
        ArgumentNullException.ThrowIfNull(filter);
        List<string> paths = Find(folder);
        List<RecordedFile> files = [];
        foreach (string path in paths)
        {
            string name = Path.GetRelativePath(folder, path);
            bool isNamed = name.Contains(filter, StringComparison.OrdinalIgnoreCase);
            if (MatrixReader.IsMatrix(path))
            {
                IReadOnlyList<MatrixRow> rows = MatrixReader.Read(path);
                if (!isNamed) rows = [.. rows.Where(r => r.Matches(filter))];
                if (rows.Count > 0) files.Add(new RecordedFile(name, null, rows));
            }
            else if (isNamed)
            {
                files.Add(new RecordedFile(name, TraceReader.Read(path), []));
            }
        }

        if (files.Count == 0)
            throw new ConformanceDataException(
                $"nothing under {folder} matches \"{filter}\": neither the name of a file nor a row of a matrix.");
        return files;
    }

    /// <summary>Reads the traces of a folder, by name, each when it is asked for.</summary>
    /// <exception cref="ConformanceDataException">There is nothing recorded.</exception>
    /// <exception cref="TraceFormatException">A line violates the format.</exception>
    public static IEnumerable<RecordedFile> ReadTraces(string folder) =>
        Find(folder).Where(path => !MatrixReader.IsMatrix(path))
            .Select(path => new RecordedFile(Path.GetRelativePath(folder, path), TraceReader.Read(path), []));

    /// <summary>The paths of all recordings under a folder, matrices first, then by name.</summary>
    /// <exception cref="ConformanceDataException">There is nothing recorded, or the folder cannot be read.</exception>
    internal static List<string> Find(string folder)
    {
        if (!Directory.Exists(folder))
        {
            if (folder == OwnFolder)
                throw new ConformanceDataException(
                    "The recordings of Linux 6.18 are not beside this program: a package does not carry them. Give their folder, which is "
                        + "tests/Data/linux-6.18 of the sources, with --data.");
            throw new ConformanceDataException($"{folder}: there is no such folder; name a folder with recordings.");
        }

        List<string> paths;
        try
        {
            paths =
            [
                .. FilesUnder(folder)
                    .Where(p => MatrixReader.IsMatrix(p) || p.EndsWith(".jsonl", StringComparison.Ordinal))
                    .OrderBy(p => !MatrixReader.IsMatrix(p)).ThenBy(p => p, StringComparer.Ordinal),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ConformanceDataException($"{folder} cannot be read ({e.Message}); name a folder with recordings.", e);
        }

        return paths.Count > 0
            ? paths
            : throw new ConformanceDataException(
                $"{folder} holds no {MatrixReader.FaultsFile}, no {MatrixReader.OperationsFile} and no *.jsonl; name a folder with "
                    + $"recordings.");
    }

    // Links to folders are not followed: one that leads back to its own folder gives infinitely many paths.
    private static FileSystemEnumerable<string> FilesUnder(string folder)
    {
        int entries = 0;
        return new FileSystemEnumerable<string>(
            folder,
            (ref FileSystemEntry entry) => entry.ToSpecifiedFullPath(),
            new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None, IgnoreInaccessible = false })
        {
            ShouldRecursePredicate = (ref FileSystemEntry entry) => !entry.Attributes.HasFlag(FileAttributes.ReparsePoint),
            ShouldIncludePredicate = (ref FileSystemEntry entry) => ++entries <= MaxEntries
                ? !entry.IsDirectory
                : throw new ConformanceDataException($"{folder} holds more than {MaxEntries} files; name a folder with recordings."),
        };
    }
}
