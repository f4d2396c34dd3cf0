namespace UffdActors.Cli.Torture;

/// <summary>What a migration has come to.</summary>
/// <param name="Verdict">How it has ended; null if it has not as it should.</param>
/// <param name="Flaw">What is wrong; null if nothing is.</param>
/// <param name="Blows">Blows that have fallen.</param>
/// <param name="Duration">Time it took.</param>
/// <param name="Said">What both ends have said, if something is wrong.</param>
internal sealed record TortureResult(
    TortureVerdict? Verdict, string? Flaw, int Blows, TimeSpan Duration, IReadOnlyList<string> Said);
