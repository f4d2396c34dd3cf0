using UffdActors.Conformance.Matrices;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Runs;

namespace UffdActors.Conformance.Cells;

/// <summary>The recorded matrices, to look cells up in.</summary>
internal sealed class RecordedCells
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
    /// <exception cref="ConformanceDataException">There is nothing recorded, or the folder cannot be read.</exception>
    public static RecordedCells Read(string folder)
    {
        RecordedCells cells = new();
        foreach (string path in ConformanceData.Find(folder).Where(MatrixReader.IsMatrix))
        {
            bool isFaults = Path.GetFileName(path) == MatrixReader.FaultsFile;
            cells.Add(
                path, Path.GetRelativePath(folder, path), isFaults ? FaultsInputs : OperationsInputs,
                isFaults ? FaultsOutcome : OperationsResult);
        }

        return cells;
    }

    /// <summary>The row that covers a cell; null if none does.</summary>
    public RecordedCell? Find(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return Key(cell) is { } key ? _rows.GetValueOrDefault(key) : null;
    }

    private void Add(string path, string file, int inputs, int outcome)
    {
        int number = 0;
        foreach (string line in RecordedText.Lines(path))
        {
            number++;
            string[] columns = line.Split(',');
            if (number == 1 || columns.Length <= outcome) continue;
            string result = columns[outcome].Replace("MSG:+", "MSG:", StringComparison.Ordinal);
            _ = _rows.TryAdd(string.Join(',', columns[..inputs]), new RecordedCell(file, number, line, result));
        }
    }

    private static string? Key(Cell cell)
    {
        string start = $"{cell.Memory.Name},{cell.State.Name}";
        string modes = Cell.LettersOf(cell.Modes);
        // Address and thread of a message are not part of the question.
        UffdFeatures features = cell.Features & ~(UffdFeatures.ExactAddress | UffdFeatures.ThreadId);
        if (cell.Operation.IsAccess)
            return cell.Operation.ByKernel ? null : $"{start},{Cell.NameOf(features)},{modes},{cell.Operation.Name}";
        // The ioctls were recorded without features, but for markers in anonymous memory, which need one.
        bool isMarker = cell is { Memory.HasCache: false, State.Name: "none+wp" };
        string? suffix = features switch
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
