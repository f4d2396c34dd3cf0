using UffdActors.PostCopy;

namespace UffdActors.Cli.Torture;

/// <summary>One migration of a guest that goes back and forth.</summary>
/// <param name="RunsFirst">How long it runs before it leaves.</param>
/// <param name="Channels">Background lanes.</param>
/// <param name="Rounds">Rounds of pre-copy; null for none.</param>
/// <param name="Backend">Memory where it arrives; null for anonymous memory.</param>
/// <param name="Mode">How faults are resolved there.</param>
internal sealed record ShuttleMove(TimeSpan RunsFirst, int Channels, int? Rounds, string? Backend, PostCopyMode Mode)
{
    /// <summary>How it moves, for a message.</summary>
    public string Where =>
        $"{Backend ?? "anon"} ({Mode.ToString().ToLowerInvariant()}{(Rounds is null ? "" : $", {Rounds} rounds of pre-copy")})";
}
