using UffdActors.Conformance.Programs;

namespace UffdActors.Conformance.Matrices;

/// <summary>Reads the matrices: comma-separated, the first line names the columns, no value holds a comma.</summary>
internal static class MatrixReader
{
    /// <summary>Name of the file of fault rows.</summary>
    public const string FaultsFile = "matrix_faults.csv";

    /// <summary>Name of the file of ioctl rows.</summary>
    public const string OperationsFile = "matrix_ops.csv";

    /// <summary>True if a file is a matrix, by its name.</summary>
    public static bool IsMatrix(string path) => Path.GetFileName(path) is FaultsFile or OperationsFile;

    /// <summary>Reads a matrix, faults or ioctls by its name.</summary>
    /// <exception cref="TraceFormatException">A line violates the format.</exception>
    public static IReadOnlyList<MatrixRow> Read(string path)
    {
        string name = Path.GetFileName(path);
        bool faults = name == FaultsFile;
        IReadOnlyList<string> columns = faults ? FaultRow.Columns : OperationRow.Columns;
        List<MatrixRow> rows = [];
        int line = 0;
        foreach (string text in RecordedText.Lines(path))
        {
            line++;
            string[] values = text.Split(',');
            if (line == 1)
            {
                if (!values.SequenceEqual(columns))
                    throw new TraceFormatException(name, line, $"the columns must be \"{string.Join(',', columns)}\"");
                continue;
            }

            if (values.Length != columns.Count)
                throw new TraceFormatException(name, line, $"{columns.Count} columns are needed, {values.Length} are there");
            Dictionary<string, string> named = columns.Zip(values).ToDictionary(p => p.First, p => p.Second);
            MatrixRow row = faults ? new FaultRow(name, line, named) : new OperationRow(name, line, named);
            if (row.Unknown() is { } unknown) throw new TraceFormatException(name, line, unknown);
            rows.Add(row);
        }

        if (rows.Count == 0) throw new TraceFormatException(name, Math.Max(line, 1), "the file has no rows");
        return rows;
    }
}
