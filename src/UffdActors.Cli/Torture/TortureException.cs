namespace UffdActors.Cli.Torture;

/// <summary>A migration is not where WIRE.md says that it must be.</summary>
internal sealed class TortureException(string message) : Exception(message);
