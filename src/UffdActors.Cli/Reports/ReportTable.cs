using Spectre.Console;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Reports;

/// <summary>
/// A table of a report. Where it does not fit the width that is asked for, each row is written as a list of its cells: nothing is cut.
/// </summary>
/// <param name="columns">Heads of the columns.</param>
internal sealed class ReportTable(params string[] columns)
{
    private const int Margins = 3;

    private readonly List<string[]> _rows = [];

    /// <summary>Rows.</summary>
    public int Count => _rows.Count;

    /// <summary>Adds a row of plain text, a cell for each column.</summary>
    public void AddRow(params string[] cells) => _rows.Add(cells);

    /// <summary>Writes it.</summary>
    public void Write(Terminal terminal)
    {
        if (terminal.Columns is { } width && Width > width) WriteRows(terminal);
        else WriteTable(terminal);
    }

    private int Width => 1 + Enumerable.Range(0, columns.Length).Sum(
        i => Margins + _rows.Select(row => row[i].Length).Append(columns[i].Length).Max());

    private void WriteTable(Terminal terminal)
    {
        Table table = new() { Border = TableBorder.Simple };
        foreach (string column in columns) _ = table.AddColumn(new TableColumn(column.EscapeMarkup()).NoWrap());
        foreach (string[] row in _rows) _ = table.AddRow([.. row.Select(cell => cell.EscapeMarkup())]);
        terminal.Out.Write(table);
    }

    private void WriteRows(Terminal terminal)
    {
        int longest = columns.Skip(1).Select(c => c.Length).DefaultIfEmpty(0).Max();
        foreach (string[] row in _rows)
        {
            terminal.WriteLine($"{columns[0]} {row[0]}");
            for (int i = 1; i < columns.Length; i++)
            {
                if (row[i].Length > 0) terminal.WriteLine($"  {columns[i].PadRight(longest)}  {row[i]}");
            }
        }
    }
}
