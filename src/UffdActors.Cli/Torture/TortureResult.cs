namespace UffdActors.Cli.Torture;

/// <summary>How a migration ended.</summary>
/// <param name="Verdict">How it ended; null if it ended wrongly.</param>
/// <param name="Flaw">What is wrong; null if nothing is.</param>
/// <param name="Disruptions">Disruptions that were dealt.</param>
/// <param name="Duration">Time it took.</param>
/// <param name="Said">What both ends printed, if something is wrong.</param>
internal sealed record TortureResult(
    TortureVerdict? Verdict, string? Flaw, int Disruptions, TimeSpan Duration, IReadOnlyList<string> Said);
