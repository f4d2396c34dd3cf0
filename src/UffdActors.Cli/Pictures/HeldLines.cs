using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Pictures;

/// <summary>Lines about a run: written at once, or, while something is drawn on the terminal, behind it. Safe for any thread.</summary>
/// <param name="terminal">Where they go.</param>
/// <param name="areHeld">True if something is drawn.</param>
internal sealed class HeldLines(Terminal terminal, bool areHeld)
{
    private readonly Lock _gate = new();
    private readonly Queue<Action> _held = [];
    private bool _isDrawn;

    /// <summary>Tells what happens.</summary>
    public void Tell(string line) => Do(() => terminal.WriteStatus(line));

    /// <summary>Tells a line of the result.</summary>
    public void TellResult(string line) => Do(() => terminal.WriteLine(line));

    /// <summary>Tells what went wrong.</summary>
    public void TellError(string message) => Do(() => terminal.WriteError(message));

    /// <summary>Does work during which something is drawn.</summary>
    public async Task<T> WhileAsync<T>(Func<Task<T>> work)
    {
        lock (_gate) _isDrawn = areHeld;
        try
        {
            return await work();
        }
        finally
        {
            lock (_gate)
            {
                _isDrawn = false;
                while (_held.TryDequeue(out Action? write)) write();
            }
        }
    }

    /// <summary>Writes, now or later.</summary>
    public void Do(Action write)
    {
        lock (_gate)
        {
            if (_isDrawn) _held.Enqueue(write);
            else write();
        }
    }
}
