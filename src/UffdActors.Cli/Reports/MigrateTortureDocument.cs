using UffdActors.Cli.Torture;

namespace UffdActors.Cli.Reports;

/// <summary>Tortured migrations for machines; JSON.md explains every field.</summary>
internal sealed record MigrateTortureDocument(
    string? World, ulong Seed, string? Sha256, int Wrong, int Disruptions, IReadOnlyList<MigrateTortureDocument.Migration> Migrations)
{
    public static MigrateTortureDocument Of(
        TortureOptions options, string? hash, IReadOnlyList<(TortureCell Cell, TortureResult Result)> results) => new(
            options.World, options.Seed, hash, results.Count(r => r.Result.Flaw is not null), results.Sum(r => r.Result.Disruptions),
            [
                .. results.Select(r => new Migration(
                    r.Cell.Moment, r.Cell.Disruption, r.Result.Verdict, r.Result.Flaw, r.Result.Disruptions,
                    r.Result.Duration.Ticks * TimeSpan.NanosecondsPerTick)),
            ]);

    /// <summary>One migration.</summary>
    public sealed record Migration(
        string Moment, string Disruption, TortureVerdict? Verdict, string? Flaw, int Disruptions, long DurationNs);
}
