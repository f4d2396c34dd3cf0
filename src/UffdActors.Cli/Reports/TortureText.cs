using Spectre.Console;
using UffdActors.Cli.Torture;

namespace UffdActors.Cli.Reports;

/// <summary>Tortured migrations for people: a line each, and what was said where something is wrong.</summary>
internal sealed class TortureText(IAnsiConsole console)
{
    /// <summary>Writes one.</summary>
    public void Write(TortureCell cell, TortureResult result)
    {
        string what = cell.Disruptions.Count == 0 ? "nothing happens" : cell.Name;
        if (result.Flaw is null)
        {
            console.MarkupLineInterpolated($"[green]ok[/]     {what} [dim]->[/] {NameOf(result.Verdict!.Value)}");
            return;
        }

        console.MarkupLineInterpolated($"[red]WRONG[/]  {what} -> {result.Flaw}");
        foreach (string line in result.Said) console.WriteLine($"         {line}");
    }

    /// <summary>Writes what came of all.</summary>
    public void WriteTotal(IReadOnlyList<TortureResult> results, TimeSpan time)
    {
        int wrong = results.Count(r => r.Flaw is not null);
        string migrations = Figures.Count(results.Count, "migration", "migrations");
        string disruptions = Figures.Count(results.Sum(r => r.Disruptions), "disruption", "disruptions");
        if (wrong == 0)
            console.MarkupLineInterpolated(
                $"[green]as it must be[/]: {migrations}, {disruptions} in {Figures.Time(time)}; never two guests, none lost in silence");
        else console.MarkupLineInterpolated($"[red]WRONG[/]: {wrong} of {migrations}, {disruptions} in {Figures.Time(time)}");
        foreach (IGrouping<TortureVerdict, TortureResult> group in results.Where(r => r.Verdict is not null)
            .GroupBy(r => r.Verdict!.Value).OrderBy(g => g.Key))
        {
            console.WriteLine($"  {Figures.Count(group.Count()),5}  {NameOf(group.Key)}");
        }
    }

    /// <summary>Writes what came of guests that went back and forth.</summary>
    public void WriteMoves(ShuttleResult result)
    {
        string moves = $"{Figures.Count(result.Moves, "migration", "migrations")} of {Figures.Count(result.Guests, "guest", "guests")}";
        if (result.Flaw is null)
            console.MarkupLineInterpolated($"[green]verified[/]: {moves}, registers and memory of each at its end as without moving");
        else console.MarkupLineInterpolated($"[red]WRONG[/]: {result.Flaw}; until then {moves}");
        ReportRow.Write(console, "while running", Figures.Count(result.WhileRunning, "migration", "migrations"));
        ReportRow.Write(console, "with pre-copy", Figures.Count(result.WithPreCopy, "migration", "migrations"));
        ReportRow.Write(console, "cut", $"{Figures.Count(result.Cuts, "time", "times")}; {Figures.Count(result.LostLinks)} lost links");
        ReportRow.Write(
            console, "downtime", $"median {Figures.Time(result.MedianDowntime)}, longest {Figures.Time(result.LongestDowntime)}");
        ReportRow.Write(console, "time", Figures.Time(result.Duration));
    }

    private static string NameOf(TortureVerdict verdict) => verdict switch
    {
        TortureVerdict.Verified => "moved, and verified",
        TortureVerdict.DiedWithSource => "died with the source; nothing runs at the destination",
        TortureVerdict.WaitsForLostPages => "waits at the destination for pages that are lost, until it is given up",
        TortureVerdict.EndedWithoutSource => "came to its end at the destination, every byte right",
        TortureVerdict.MovedToAnother => "went on at the source, moved to a receiver started anew, and verified",
        TortureVerdict.ResumedByOperator => "in doubt; another receiver is no proof; goes on at the source when its operator says so",
        TortureVerdict.DiedWithDestination => "died with the destination; the source does not run it again",
        _ => "complete at the destination when the destination died",
    };
}
