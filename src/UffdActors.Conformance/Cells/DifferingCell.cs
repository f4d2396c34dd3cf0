namespace UffdActors.Conformance.Cells;

/// <summary>A cell in which two kernels differ.</summary>
/// <param name="Cell">The question.</param>
/// <param name="Left">The first kernel's answer.</param>
/// <param name="Right">The second's.</param>
/// <param name="Reason">The listed difference that it belongs to; null if none is known.</param>
internal sealed record DifferingCell(Cell Cell, CellAnswer Left, CellAnswer Right, ListedDifference? Reason);
