using UffdActors.Stress;
using UffdActors.Stress.Guest;
using UffdActors.Stress.Plan;

namespace UffdActors.Cli.Reports;

/// <summary>The document of <c>uffd stress --json</c>.</summary>
internal sealed record StressDocument(
    string Verdict,
    bool Interrupted,
    StressDocument.RunPart Run,
    double Seconds,
    int Rounds,
    long Faults,
    long Repeats,
    long Visits,
    long Contended,
    StressDocument.FillsPart Fills,
    StressDocument.InjectedPart Injected,
    int GarbageCollections,
    IReadOnlyList<StressDocument.OraclePart> Oracles,
    IReadOnlyList<StressDocument.FloorPart> Floors,
    StressDocument.ViolationPart? Violation)
{
    public static StressDocument Of(StressReport report)
    {
        StressOptions options = report.Options;
        StressSnapshot totals = report.Totals;
        return new StressDocument(
            report.Violation is not null
                ? "violation"
                : report.Passed ? "pass" : totals.Rounds == 0 ? "nothing-verified" : "too-little-exercised",
            report.Interrupted,
            new RunPart(
                report.Place.World, report.Place.Kernel, report.Dispatcher, options.Backend ?? "anon", options.Mode, report.WriteProtect,
                options.Vcpus, options.Handlers,
                options.Pages, options.Seed, options.LoadThreads, options.ForceCollections, options.Deadline.TotalSeconds, report.HasSwap),
            totals.Elapsed.TotalSeconds,
            totals.Rounds,
            totals.Faults,
            totals.Repeats,
            totals.Visits,
            totals.Contended,
            new FillsPart(totals.Eexist, totals.Eagain, totals.RacerFills),
            new InjectedPart(
                totals.PageDrops, totals.ChangeBursts, totals.Protections, totals.HandlerCrashes, totals.SourceDelays,
                totals.SourceDuplicates, totals.SourceFailures,
                totals.PageOuts),
            totals.Collections,
            [.. report.Checks.Select(c => new OraclePart(c.Oracle, StressOracles.SentenceOf(c.Oracle), c.Times))],
            [.. report.Floors.Select(f => new FloorPart(f.What, f.Least, f.Met, f.IsMet))],
            report.Violation is { } violation
                ? new ViolationPart(violation.Oracle, violation.Message, violation.Page, violation.Details)
                : null);
    }

    public sealed record RunPart(
        string World, string Kernel, string Dispatcher, string Backend, StressMode Mode, bool WriteProtect, int Vcpus, int Handlers,
        int Pages, ulong Seed, int LoadThreads,
        bool ForcedCollections, double DeadlineSeconds, bool Swap);

    public sealed record FillsPart(long Eexist, long Eagain, long ByRacers);

    public sealed record InjectedPart(
        long PageDrops, long ChangeBursts, long Protections, long HandlerCrashes, long SourceDelays, long SourceDuplicates,
        long SourceFailures, long PageOuts);

    public sealed record OraclePart(StressOracle Oracle, string Sentence, long Checked);

    public sealed record FloorPart(string What, long Least, long Met, bool IsMet);

    public sealed record ViolationPart(StressOracle Oracle, string Message, long? Page, IReadOnlyList<string> Details);
}
