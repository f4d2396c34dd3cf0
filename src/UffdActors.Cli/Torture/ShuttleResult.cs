using System.Globalization;

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
    TimeSpan Duration, string? Flaw)
{
    // With fewer migrations no floor applies: what they meet is left to chance.
    private const int LeastMoves = 50;
    private const int MovesARun = 20;
    private const int MovesAPreCopy = 20;
    private const int MovesALink = 10;

    /// <summary>What a run of many migrations has met too seldom to say anything about it; null if it has met enough.</summary>
    public string? Shortfall()
    {
        if (Moves < LeastMoves) return null;
        return Of(WhileRunning, Moves / MovesARun, "migrations while the guest ran")
            ?? Of(WithPreCopy, Moves / MovesAPreCopy, "migrations with a pre-copy")
            ?? Of(LostLinks, Moves / MovesALink, "lost links");

        static string? Of(long met, int least, string what) =>
            met >= least ? null : string.Create(CultureInfo.InvariantCulture, $"only {met} {what}, and {least} are the least that counts");
    }
}
