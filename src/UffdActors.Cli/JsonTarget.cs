namespace UffdActors.Cli;

/// <summary>
/// Where <c>--json</c> says that the figures go: a file or standard output. Opened before the work begins, so that a file that cannot be
/// written is known at once; until <see cref="Write"/> nothing of that name is touched.
/// </summary>
internal sealed class JsonTarget : IDisposable
{
    private readonly Terminal _terminal;
    private readonly string? _target;
    private readonly StreamWriter? _partial;

    private JsonTarget(Terminal terminal, string? target)
    {
        _terminal = terminal;
        _target = target;
        if (target is null or "-") return;
        try
        {
            if (Directory.Exists(target)) throw new IOException("it is a folder");
            _partial = new StreamWriter(PartialOf(target));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw CommandException.BadInput($"--json {target}: the file cannot be written ({e.Message}).");
        }
    }

    /// <summary>True if standard output belongs to the document, and nothing else may be written there.</summary>
    public bool TakesOutput => _target == "-";

    /// <summary>Opens the target.</summary>
    /// <param name="terminal">Where <c>-</c> is.</param>
    /// <param name="target">A file, <c>-</c>, or null for nowhere.</param>
    /// <exception cref="CommandException">The file cannot be written.</exception>
    public static JsonTarget Open(Terminal terminal, string? target) => new(terminal, target);

    /// <summary>Writes the document, all of it or nothing.</summary>
    public void Write(string json)
    {
        if (TakesOutput) _terminal.WriteRaw(json);
        if (_partial is null) return;
        _partial.WriteLine(json);
        _partial.Dispose();
        File.Move(PartialOf(_target!), _target!, overwrite: true);
    }

    /// <summary>Leaves nothing half-written behind.</summary>
    public void Dispose()
    {
        if (_partial is null) return;
        _partial.Dispose();
        File.Delete(PartialOf(_target!));
    }

    private static string PartialOf(string target) => target + ".partial";
}
