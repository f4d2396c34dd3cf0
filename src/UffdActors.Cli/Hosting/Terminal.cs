using System.Globalization;
using Spectre.Console;
using UffdActors.Model.Inputs;

namespace UffdActors.Cli.Hosting;

/// <summary>
/// Where a command writes: results to standard output, everything that is about the run itself (progress, errors) to standard error.
/// </summary>
internal sealed class Terminal
{
    private const int LongestError = 800;
    private const int AnyWidth = 200;
    private const int LeastColumns = 40;

    private readonly TextWriter _output;
    private readonly TextWriter _error;
    private readonly Lock _interruption = new();
    private bool _isInterruptionTold;

    /// <param name="output">Standard output.</param>
    /// <param name="error">Standard error.</param>
    /// <param name="isInteractive">True if standard error is a terminal: then progress is drawn, else it is plain lines.</param>
    /// <param name="columns">Width of what is no terminal; null for as wide as it gets.</param>
    public Terminal(TextWriter output, TextWriter error, bool isInteractive, int? columns = null)
        : this(
            output, error, isInteractive, columns, Make(output, isInteractive && !Console.IsOutputRedirected, columns),
            Make(error, isInteractive, columns))
    {
    }

    private Terminal(TextWriter output, TextWriter error, bool isInteractive, int? columns, IAnsiConsole results, IAnsiConsole progress)
    {
        Columns = columns;
        _output = output;
        _error = error;
        IsInteractive = isInteractive;
        Out = results;
        Progress = progress;
    }

    /// <summary>The terminal of this process.</summary>
    public static Terminal OfProcess() =>
        new(Console.Out, Console.Error, !Console.IsErrorRedirected, ColumnsOf(Environment.GetEnvironmentVariable("COLUMNS")));

    /// <summary>The width that the environment asks for; null if it asks for none that a table fits into.</summary>
    internal static int? ColumnsOf(string? text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int columns) && columns is >= LeastColumns and <= AnyWidth
            ? columns : null;

    /// <summary>This terminal with the results on standard error too, for a run whose document is standard output.</summary>
    public Terminal WithResultsOnError() => new(_error, _error, IsInteractive, Columns, Progress, Progress);

    /// <summary>Width of what is no terminal; null for as wide as it gets.</summary>
    public int? Columns { get; }

    /// <summary>True if progress may be drawn over.</summary>
    public bool IsInteractive { get; }

    /// <summary>Standard output as it is.</summary>
    public TextWriter Output => _output;

    /// <summary>Results.</summary>
    public IAnsiConsole Out { get; }

    /// <summary>Progress.</summary>
    public IAnsiConsole Progress { get; }

    /// <summary>Writes a line of the result for people: folded to the width that is asked for.</summary>
    public void WriteLine(string text)
    {
        foreach (string line in Columns is { } width ? FoldedText.Lines(text, width) : [text]) _output.WriteLine(line);
    }

    /// <summary>Writes a line of the result as it is, for machines.</summary>
    public void WriteRaw(string text) => _output.WriteLine(text);

    /// <summary>Writes a line about the run; several are written each by itself.</summary>
    public void WriteStatus(string line) =>
        _error.WriteLine(string.Join('\n', line.ReplaceLineEndings("\n").Split('\n').Select(ForeignText.Shown)));

    /// <summary>Writes what ended the command: one line of a length that can be read, whatever the message is made of.</summary>
    public void WriteError(string message) => _error.WriteLine($"uffd: {Readable(message)}");

    /// <summary>Writes that the command was interrupted: once, whether it comes to its end in order or is ended as it is.</summary>
    public void WriteInterrupted(string message)
    {
        // The second caller waits until the line is written, because it may end the process.
        lock (_interruption)
        {
            if (!_isInterruptionTold) WriteError(message);
            _isInterruptionTold = true;
        }
    }

    // A message may quote anything: a megabyte, or escape codes of a terminal. The end of it is kept, because it says what to do.
    private static string Readable(string message)
    {
        string line = ForeignText.Shown(message.ReplaceLineEndings(" ").Trim());
        return line.Length <= LongestError ? line : $"{line[..(LongestError * 3 / 4)]} ... {line[^(LongestError / 4)..]}";
    }

    private static IAnsiConsole Make(TextWriter writer, bool interactive, int? columns)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = interactive ? AnsiSupport.Detect : AnsiSupport.No,
            Interactive = interactive ? InteractionSupport.Yes : InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        // A file or a pipe has no width; nothing is wrapped or cut there, unless a width is asked for.
        if (!interactive) console.Profile.Width = columns ?? AnyWidth;
        return console;
    }
}
