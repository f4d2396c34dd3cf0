using System.Globalization;
using Spectre.Console;
using UffdActors.Cli.Hosting;
using UffdActors.Stress;

namespace UffdActors.Cli.Reports;

/// <summary>
/// Shows what a stress run does: one line that is drawn over on a terminal, a line every few seconds elsewhere. Only looks on from outside.
/// </summary>
internal sealed class StressProgress(Terminal terminal, StressRun run)
{
    private static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Plain = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private StressSnapshot _last = new();

    /// <summary>True if the run is drawn by something else: then nothing is written while it is.</summary>
    public bool IsDrawnElsewhere { get; init; }

    /// <summary>Does the work, and shows it meanwhile.</summary>
    public async Task<T> WhileAsync<T>(Func<Task<T>> work)
    {
        if (IsDrawnElsewhere) return await work();
        if (!terminal.IsInteractive)
        {
            await using Timer timer = new(_ => terminal.WriteStatus(Line()), null, Plain, Plain);
            return await work();
        }

        return await terminal.Progress.Status().StartAsync("starting", async context =>
        {
            await using Timer timer = new(_ => context.Status = Line().EscapeMarkup(), null, Frame, Frame);
            return await work();
        });
    }

    private string Line()
    {
        lock (_gate)
        {
            StressSnapshot now = run.Snapshot();
            double seconds = Math.Max(1e-3, (now.Elapsed - _last.Elapsed).TotalSeconds);
            string line = string.Create(
                CultureInfo.InvariantCulture,
                $"{now.Elapsed.TotalSeconds:0} s, round {now.Rounds}: {Figures.Rate((now.Faults - _last.Faults) / seconds)} faults, "
                    + $"{Figures.Rate((now.Visits - _last.Visits) / seconds)} visits, EEXIST {Figures.Count(now.Eexist)}, EAGAIN "
                    + $"{Figures.Count(now.Eagain)}, drops {Figures.Count(now.PageDrops)}, crashes {Figures.Count(now.HandlerCrashes)}, "
                    + $"source faults {Figures.Count(now.SourceDelays + now.SourceDuplicates + now.SourceFailures)}, GCs "
                    + $"{Figures.Count(now.Collections)}, {now.Outstanding} outstanding, oldest access {Figures.Time(now.OldestTouch)}");
            _last = now;
            return line;
        }
    }
}
