using System.Text.Json;
using UffdActors.Cli.Torture;

namespace UffdActors.Cli.Tests;

/// <summary>An end of a migration that answers by a script.</summary>
/// <param name="phases">Where it is, each time it is asked; the last one from then on. Null if it has ended.</param>
/// <param name="report">Its report, as of <see cref="EndReport"/>.</param>
/// <param name="carriesOut">Commands that it carries out; the others it refuses.</param>
internal sealed class ScriptedEnd(string?[] phases, string? report, params string[] carriesOut) : IMigrationEnd
{
    private readonly Queue<string?> _phases = new(phases);

    /// <summary>What it was asked for.</summary>
    public List<string> Asked { get; } = [];

    /// <summary>What it says.</summary>
    public string Says { get; init; } = "";

    /// <summary>What it ends with.</summary>
    public int ExitCode { get; init; }

    /// <inheritdoc />
    public Task<string?> AskAsync(string command, CancellationToken cancel)
    {
        Asked.Add(command);
        return Task.FromResult<string?>(carriesOut.Contains(command) ? "done" : "refused: the guest would be lost");
    }

    /// <inheritdoc />
    public Task<string?> PhaseWithoutLinkAsync(CancellationToken cancel) =>
        Task.FromResult(_phases.Count > 1 ? _phases.Dequeue() : _phases.Peek());

    /// <inheritdoc />
    public Task<bool> HasSaidAsync(string what, CancellationToken cancel) => Task.FromResult(Says.Contains(what, StringComparison.Ordinal));

    /// <inheritdoc />
    public Task<(int ExitCode, JsonElement? Document)> EndAsync(CancellationToken cancel) =>
        Task.FromResult((ExitCode, EndReport.Of(report)));
}
