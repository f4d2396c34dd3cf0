using System.Text.Json;

namespace UffdActors.Cli.Torture;

/// <summary>An end of a migration as an operator sees it.</summary>
internal interface IMigrationEnd
{
    /// <summary>Gives it a command.</summary>
    /// <returns>Its answer; null if it has ended.</returns>
    Task<string?> AskAsync(string command, CancellationToken cancel);

    /// <summary>Waits until it has no link and has handled the loss: from then on a destination's memory does not change.</summary>
    /// <returns>Where it is; null if it has ended.</returns>
    Task<string?> PhaseWithoutLinkAsync(CancellationToken cancel);

    /// <summary>Waits until it has said something.</summary>
    /// <returns>False if it has ended without.</returns>
    Task<bool> HasSaidAsync(string what, CancellationToken cancel);

    /// <summary>Waits for its end.</summary>
    /// <returns>Exit code, and the document; null if it has written none.</returns>
    Task<(int ExitCode, JsonElement? Document)> EndAsync(CancellationToken cancel);
}
