using UffdActors.Cli.Torture;

namespace UffdActors.Cli.Reports;

/// <summary>Guests that went back and forth, for machines; JSON.md explains every field.</summary>
internal sealed record MigrateMovesDocument(
    bool Verified, ulong Seed, int Moves, int WhileRunning, int WithPreCopy, int Guests, int Cuts, long LostLinks, long MedianDowntimeNs,
    long LongestDowntimeNs, long DurationNs, string? Flaw)
{
    public static MigrateMovesDocument Of(ulong seed, ShuttleResult result) => new(
        result.Flaw is null, seed, result.Moves, result.WhileRunning, result.WithPreCopy, result.Guests, result.Cuts, result.LostLinks,
        Ns(result.MedianDowntime), Ns(result.LongestDowntime), Ns(result.Duration), result.Flaw);

    private static long Ns(TimeSpan time) => time.Ticks * TimeSpan.NanosecondsPerTick;
}
