namespace UffdActors.Cli.Torture;

/// <summary>What came of guests that went back and forth.</summary>
/// <param name="Moves">Migrations.</param>
/// <param name="WhileRunning">Of them, with a vCPU that had not come to its end.</param>
/// <param name="WithPreCopy">Of them, with a pre-copy.</param>
/// <param name="Guests">Guests that have ended, registers and memory as without moving.</param>
/// <param name="Cuts">Times that every connection was cut.</param>
/// <param name="LostLinks">Links that a source has lost.</param>
/// <param name="MedianDowntime">Median of the downtimes, lost hand-overs among them.</param>
/// <param name="LongestDowntime">The longest.</param>
/// <param name="Duration">How long it took.</param>
/// <param name="Flaw">What is wrong; null if nothing is.</param>
internal sealed record ShuttleResult(
    int Moves, int WhileRunning, int WithPreCopy, int Guests, int Cuts, long LostLinks, TimeSpan MedianDowntime, TimeSpan LongestDowntime,
    TimeSpan Duration, string? Flaw);
