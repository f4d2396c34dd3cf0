using Spectre.Console;
using UffdActors.Stress;
using UffdActors.Stress.Guest;
using UffdActors.Stress.Plan;

namespace UffdActors.Cli.Reports;

/// <summary>The verdict of a stress run, for people.</summary>
internal static class StressText
{
    public static void Write(IAnsiConsole console, StressReport report)
    {
        StressOptions options = report.Options;
        StressSnapshot totals = report.Totals;
        console.WriteLine(
            $"{report.Place.World} world, kernel {report.Place.Kernel}, {report.Dispatcher}; {options.Vcpus} vCPUs, up to "
                + $"{options.Handlers} handlers, {options.Pages} pages of {options.Backend ?? "anon"}, "
                + $"{(options.Mode == StressMode.Minor ? "minor" : "missing")}, write protection {(report.WriteProtect ? "too" : "not")}; "
                + $"seed {options.Seed}");
        console.WriteLine(
            $"{Figures.Time(totals.Elapsed)}, "
                + $"{Figures.Count(totals.Rounds, "round", "rounds")}{(report.Interrupted ? " (interrupted)" : "")}: "
                + $"{Figures.Count(totals.Faults)} faults"
                + $"{Figures.AndRepeats(totals.Repeats)}, "
                + $"{Figures.Count(totals.Visits)} visits, {Figures.Count(totals.Contended)} found the lock taken");
        console.WriteLine(
            $"fills that met EEXIST {Figures.Count(totals.Eexist)}, EAGAIN {Figures.Count(totals.Eagain)}; filled by racing resolvers "
                + $"{Figures.Count(totals.RacerFills)}");
        console.WriteLine(
            $"injected: {Figures.Count(totals.PageDrops)} page drops, {Figures.Count(totals.ChangeBursts)} events beside the guest, "
                + $"{Figures.Count(totals.Protections)} protections, {Figures.Count(totals.PageOuts)} "
                + $"page-outs{(report.HasSwap || totals.PageOuts == 0 ? "" : " (of no effect: there is no swap here)")}, "
                + $"{Figures.Count(totals.HandlerCrashes)} handler crashes, source: {Figures.Count(totals.SourceDelays)} late, "
                + $"{Figures.Count(totals.SourceDuplicates)} double, {Figures.Count(totals.SourceFailures)} failures; "
                + $"{options.LoadThreads} busy threads, {Figures.Count(totals.Collections)} collections");
        Table table = new() { Border = TableBorder.Simple };
        _ = table.AddColumn("oracle").AddColumn("what must hold").AddColumn(new TableColumn("checked").RightAligned()).AddColumn("");
        foreach ((StressOracle oracle, long times) in report.Checks)
        {
            string verdict = report.Violation?.Oracle == oracle
                ? "VIOLATED"
                : times == 0 && oracle != StressOracle.Incidents ? "not met" : "held";
            _ = table.AddRow(oracle.ToString(), StressOracles.SentenceOf(oracle).EscapeMarkup(), Figures.Count(times), verdict);
        }

        console.Write(table);
        console.WriteLine(
            "exercised: "
            + string.Join(", ", report.Floors.Select(f => $"{Figures.Count(f.Met)} {f.What} (at least {Figures.Count(f.Least)})")));
        if (report.Violation is { } violation)
        {
            console.WriteLine($"VIOLATION: {violation.Message}");
            foreach (string line in violation.Details) console.WriteLine("  " + line);
        }
        else
        {
            console.WriteLine(
                report.Passed
                    ? "PASS"
                    : report.Totals.Rounds == 0 ? "nothing was verified" : $"NO VERDICT: too little was exercised ({MissedBy(report)})");
        }
    }

    /// <summary>What the run has not exercised enough.</summary>
    public static string MissedBy(StressReport report) =>
        string.Join(
            ", ", report.Floors.Where(f => !f.IsMet).Select(f => $"{Figures.Count(f.Met)} {f.What}, at least {Figures.Count(f.Least)}"));
}
