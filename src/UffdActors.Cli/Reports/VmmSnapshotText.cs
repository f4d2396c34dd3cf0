using System.Globalization;
using Spectre.Console;
using UffdActors.Cli.Options;
using UffdActors.Kvm.Snapshots;

namespace UffdActors.Cli.Reports;

/// <summary>Reports of snapshots for people: taken, restored, cloned.</summary>
internal sealed class VmmSnapshotText(IAnsiConsole console)
{
    public void WriteTaken(SnapshotRunOptions options, SnapshotReport report)
    {
        string over = options.Parent is { } parent ? $", a layer over {parent.Path}" : "";
        Line($"{options.Path}: snapshot of a KVM guest of {SizeText.Of(options.Plan.MemoryBytes)} on {options.Backend ?? "anon"}, "
            + $"{(options.IsLive ? "while it ran" : "stopped")}{over}");
        string against = options.Parent is null ? "of the same guest without a snapshot" : "in the parent's state";
        Verdict(report.Differences, $"the guest has gone on to the result {against}");
        if (report.Document is not { } state) return;
        Row("taken at", Percent(state.State.Progress) + " of its visits");
        Row("stored", $"{Figures.Count(state.StoredPages)} of {Figures.Count(state.MemoryBytes >> 12)} pages, after "
            + $"{Figures.Time(report.Copied)}");
        string open = options.IsLive ? $"; {Figures.Count(report.CopiedPaused, "page", "pages")} copied out meanwhile" : "";
        Row("vCPUs paused", Figures.Time(report.Paused) + open);
        if (!options.IsLive) return;
        Row("longest protect", $"{Figures.Time(report.LongestProtect)} for 16 MiB, in {Figures.Count(report.Rounds, "round", "rounds")}");
        Row("kept before", Figures.Count(report.KeptBefore, "page", "pages") + " were copied out before the guest changed them, a write "
            + $"held up for {Figures.Time(report.LongestHeld)} at most");
    }

    public void WriteRestored(string file, SnapshotDocument state, RestoreReport report)
    {
        Line($"{file}: a KVM guest of {SizeText.Of(state.MemoryBytes)}, restored at {Percent(state.State.Progress)} of its visits");
        Verdict(report.Differences, "the guest has ended with the result in its state, which is that of one without interruption");
        Row("files opened", Figures.Time(report.Opened));
        Row("vCPUs started", Figures.Time(report.Started));
        if (report.FirstInstruction is { } first) Row("first instruction", Figures.Time(first));
        Row("guest", Figures.Time(report.Result.Duration));
        Row("faults", Figures.Faults(report.Result.Faults?.Faults ?? 0, report.Result.Faults?.Repeated ?? 0));
        Row("never asked for", $"{Figures.Count(report.Result.AbsentPages)} of {Figures.Count(state.MemoryBytes >> 12)} pages");
    }

    public void WriteCloned(Snapshot snapshot, CloneReport report)
    {
        Line($"{snapshot.Path}: {Figures.Count(report.Clones.Count, "KVM guest", "KVM guests")} of "
            + $"{SizeText.Of(snapshot.Document.MemoryBytes)} from one snapshot");
        Verdict(
            [
                .. report.Clones.SelectMany(
                    (c, i) => c.Differences.Select(d => string.Create(CultureInfo.InvariantCulture, $"Clone {i}: {d}"))),
            ],
            "each has ended with the result in the state, which is that of a guest without interruption");
        Row("shared, once", Mebibytes(report.SharedBytes) + $" of page cache, filled after {Figures.Time(report.Filled)}");
        Row("own, each", $"{Mebibytes(report.PrivateBytes.Min())} to {Mebibytes(report.PrivateBytes.Max())}");
        Row("memory in all", string.Create(
            CultureInfo.InvariantCulture,
            $"{Mebibytes(report.AllBytes)}, {(double)report.AllBytes / Math.Max(1, report.OneBytes):0.00} times one guest "
                + $"({Mebibytes(report.OneBytes)})"));
        Row("guests", Figures.Time(report.Duration));
        Row("faults", Figures.Faults(
            report.Clones.Sum(c => c.Result.Faults?.Faults ?? 0), report.Clones.Sum(c => c.Result.Faults?.Repeated ?? 0)));
    }

    private void Verdict(IReadOnlyList<string> differences, string verified)
    {
        if (differences.Count == 0)
        {
            console.MarkupLineInterpolated($"[green]verified[/]: {verified}");
            return;
        }

        console.MarkupLineInterpolated($"[red]NOT VERIFIED[/]");
        foreach (string difference in differences) Line(difference);
    }

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0.0} %");

    private static string Mebibytes(long bytes) =>
        string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 20):N1} MiB");

    private void Row(string name, string value) => ReportRow.Write(console, name, value);

    private void Line(string text) => console.WriteLine(text);
}
