namespace UffdActors.Pictures.Charts;

/// <summary>A table of text: what a chart shows, for those who do not see it.</summary>
/// <param name="Columns">Heads of the columns.</param>
/// <param name="Rows">Rows, a cell for each column.</param>
internal sealed record TextTable(IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows);
