using UffdActors.Abi;
using UffdActors.Conformance.Matrices;

namespace UffdActors.Conformance.Cells;

/// <summary>A row that a real kernel was recorded to give, and that covers a cell.</summary>
/// <param name="File">File name.</param>
/// <param name="Line">Line number.</param>
/// <param name="Text">The row.</param>
/// <param name="Result">Its result, in the words of <see cref="CellAnswer.Result"/>.</param>
public sealed record RecordedCell(string File, int Line, string Text, string Result);

/// <summary>The recorded matrices, to look cells up in.</summary>
public sealed class RecordedCells
{
    private const int FaultsOutcome = 6;
    private const int OperationsResult = 5;
    private const int FaultsInputs = 5;
    private const int OperationsInputs = 4;

    private readonly Dictionary<string, RecordedCell> _rows = new(StringComparer.Ordinal);

    private RecordedCells()
    {
    }

    /// <summary>Reads the matrices of a folder; one that is not there has no rows.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static RecordedCells Read(string folder)
    {
        RecordedCells cells = new();
        cells.Add(folder, MatrixReader.FaultsFile, FaultsInputs, FaultsOutcome);
        cells.Add(folder, MatrixReader.OperationsFile, OperationsInputs, OperationsResult);
        return cells;
    }

    /// <summary>The row that covers a cell; null if none does.</summary>
    public RecordedCell? Find(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return Key(cell) is { } key ? _rows.GetValueOrDefault(key) : null;
    }

    private void Add(string folder, string file, int inputs, int outcome)
    {
        string path = Path.Combine(folder, file);
        if (!File.Exists(path)) return;
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            string[] columns = line.Split(',');
            if (number == 1 || columns.Length <= outcome) continue;
            string result = columns[outcome].Replace("MSG:+", "MSG:", StringComparison.Ordinal);
            _rows.Add(string.Join(',', columns[..inputs]), new RecordedCell(file, number, line, result));
        }
    }

    private static string? Key(Cell cell)
    {
        string start = $"{cell.Memory.Name},{cell.State.Name}";
        string modes = Cell.LettersOf(cell.Modes);
        if (cell.Operation.IsAccess) return cell.Operation.ByKernel ? null : $"{start},{Cell.NameOf(cell.Features)},{modes},{cell.Operation.Name}";
        // The ioctls were recorded without features, but for markers in anonymous memory, which need one.
        bool isMarker = cell is { Memory.HasCache: false, State.Name: "none+wp" };
        string? suffix = cell.Features switch
        {
            UffdFeatures.None => "",
            UffdFeatures.WpUnpopulated when isMarker => "(UNPOP)",
            _ => null,
        };
        return suffix is null || NameOf(cell.Operation) is not { } name ? null : $"{start}{suffix},{modes},{name}";
    }

    private static string? NameOf(CellOperation operation) => operation.Name switch
    {
        "copy" => "COPY",
        "copy+wp" => "COPY|WP",
        "zeropage" => "ZEROPAGE",
        "continue" => "CONTINUE",
        "continue+wp" => "CONTINUE|WP",
        "poison" => "POISON",
        "wp-set" => "WP-set",
        "wp-clear" => "WP-clear",
        "move" => "MOVE",
        _ => null,
    };
}
