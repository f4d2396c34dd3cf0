using UffdActors.Model.Inputs;

namespace UffdActors.Cli.Hosting;

/// <summary>
/// Where <c>--json</c> says that the figures go: a file or standard output. Opened before the work begins, so that a file that cannot be
/// written is known at once. It is written beside its place and renamed: it is there in full or not at all. A pipe or a
/// device, and what is under <c>/dev</c> and <c>/proc</c>, where nothing can be renamed, is written to directly.
/// </summary>
internal sealed class JsonTarget : IDisposable
{
    // The target of this process, for an end by _exit, which runs no disposal.
    private static volatile string? _latestBeside;

    // Held while the file is written or removed.
    private static readonly Lock Writing = new();
    private static readonly TimeSpan WritingTime = TimeSpan.FromSeconds(1);
    private static bool _isOver;

    private readonly Terminal _terminal;
    private readonly string? _target;
    private readonly string? _beside;

    private JsonTarget(Terminal terminal, string? target)
    {
        _terminal = terminal;
        _target = target;
        if (target is null or "-") return;
        try
        {
            if (Directory.Exists(target)) throw new IOException("it is a folder");
            // A pipe has a reader, who would wait for ever if something else were renamed to it. By its own name, for that of what it
            // leads to cannot be opened (/dev/fd/63).
            if (OutputFile.KindOf(target) is not null) return;
            _target = Path.GetFullPath(
                (File.Exists(target) ? File.ResolveLinkTarget(target, returnFinalTarget: true)?.FullName : null) ?? target);
            if (_target.StartsWith("/dev/", StringComparison.Ordinal) || _target.StartsWith("/proc/", StringComparison.Ordinal)) return;
            string beside = Path.Combine(Path.GetDirectoryName(_target)!, $".{Path.GetFileName(_target)}.{Environment.ProcessId}.partial");
            File.Create(beside).Dispose();
            _latestBeside = _beside = beside;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw CommandException.BadInput($"--json {target}: the file cannot be written ({e.Message}).");
        }
    }

    /// <summary>True if standard output belongs to the document, and nothing else may be written there.</summary>
    public bool TakesOutput => _target == "-";

    /// <summary>Where the report for people goes: to standard output, or to standard error if that belongs to the document.</summary>
    public Terminal Report => TakesOutput ? _terminal.WithResultsOnError() : _terminal;

    /// <summary>Opens the target.</summary>
    /// <param name="terminal">Where <c>-</c> is.</param>
    /// <param name="target">A file, <c>-</c>, or null for nowhere.</param>
    /// <exception cref="CommandException">The file cannot be written.</exception>
    public static JsonTarget Open(Terminal terminal, string? target) => new(terminal, target);

    /// <summary>Writes the document, all of it or nothing.</summary>
    /// <exception cref="CommandException">It cannot be written after all.</exception>
    public void Write(string json)
    {
        if (_target is null) return;
        if (TakesOutput)
        {
            _terminal.WriteRaw(json);
            return;
        }

        try
        {
            lock (Writing)
            {
                if (_isOver) return;
                File.WriteAllText(_beside ?? _target, json + "\n");
                if (_beside is not null) File.Move(_beside, _target, overwrite: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Failed, $"--json {_target}: the figures could not be written ({e.Message}).", e);
        }
    }

    /// <summary>The process is about to end as it is: from here on nothing is written any more.</summary>
    public static void LeaveNothing()
    {
        bool isMine = Writing.TryEnter(WritingTime);
        try
        {
            _isOver = true;
            if (_latestBeside is { } beside) File.Delete(beside);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The file was made by this process; if it cannot be removed any more, it stays.
        }
        finally
        {
            if (isMine) Writing.Exit();
        }
    }

    /// <summary>Leaves nothing half-written behind.</summary>
    public void Dispose()
    {
        if (_beside is not null) File.Delete(_beside);
    }
}
