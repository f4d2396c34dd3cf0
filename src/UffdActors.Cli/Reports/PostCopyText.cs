using Spectre.Console;
using UffdActors.Cli.Options;
using UffdActors.Model.Memory;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Reports;

/// <summary>The report of a migration for people: one screen; QEMU's name of a figure stands at the end of its line.</summary>
internal sealed class PostCopyText(IAnsiConsole console, PostCopyOptions options, string dispatcher, PostCopyReport report)
{
    private const int VcpusShown = 8;
    private const int BarWidth = 30;
    private const int HopsInRow = 3;

    public void Write()
    {
        Head();
        Verdict();
        Line("");
        Row("memory complete", $"after {Figures.Time(report.PushDuration)}", "total-time");
        Row("guest done", $"after {Figures.Time(report.Duration)}: {Figures.Count(report.Accesses, "access", "accesses")}");
        Row("faults", $"{Figures.Faults(report.Faults, report.RepeatedFaults)}, {Rate()}: {FaultsByCause()}");
        Row("requests", $"{Figures.Count(report.Requests)}; {Figures.Count(report.MergedFaults)} faults met a page under way",
            "postcopy-requests");
        Row("pages by demand", Pages(report.DemandPages, report.DemandZeroPages));
        Row("pages by push", Pages(report.PushedPages, report.PushedZeroPages));
        Row("pages in all", Pages(report.DemandPages + report.PushedPages, report.DemandZeroPages + report.PushedZeroPages),
            "normal, duplicate");
        Row("fault latency", $"mean {Figures.Time(report.Latency.MeanNanoseconds)}", "postcopy-latency");
        Row("", Percentiles());
        Row("all vCPUs blocked", Figures.Time(report.AllBlocked), "postcopy-blocktime");
        Vcpus();
        Hops();
        Distribution();
        if (report.GarbageCollection is { } garbage)
            Row("collections", $"{Figures.Count(garbage.Collections)}, stopped for {Figures.Time(garbage.Paused)}");
        Line("");
        Line(Times(report));
    }

    /// <summary>What the times of a migration are.</summary>
    public static string Times(PostCopyReport report)
    {
        if (report.IsVirtualTime)
            return "Times are virtual: they move only when nothing can run, and are the same in every run with this seed.";
        return report.Place.IsLive
            ? $"Real page faults on Linux {report.Place.Kernel}; {Figures.Placement(report.Place)}. The source is in this process: there "
                + $"is no network in these times."
            : "Mechanism times of a model without latency: what the machinery costs, no estimate of a migration.";
    }

    private void Head()
    {
        string memory = options.Backend ?? "anon";
        string pages = report.PageBytes == PageSize.Base ? "" : $" in pages of {SizeText.Of(report.PageBytes)}";
        string handlers = Figures.Count(options.Handlers, "handler", "handlers");
        Line($"{SizeText.Of(options.Image.Bytes)} ({options.Image.Name}) to {memory}{pages}, {options.Mode.ToString().ToLowerInvariant()}; "
            + $"{Figures.Count(options.Vcpus, "vCPU", "vCPUs")}, {handlers}, {dispatcher}, {(report.Place.IsLive ? "Linux" : "kernel")} "
            + $"{report.Place.Kernel}");
    }

    private void Verdict()
    {
        if (report.Verified)
        {
            string present = Figures.Count(report.Pages, "page", "pages");
            string written = Figures.Count(report.WrittenLanes, "guest write", "guest writes");
            console.MarkupLineInterpolated($"[green]verified[/]: {present} present; both sides equal, {written} applied");
            Line($"sha256 {report.SourceHash}");
            return;
        }

        console.MarkupInterpolated($"[red]NOT VERIFIED[/]: ");
        if (report.GuestError is { } error) Line($"{error}");
        if (report.MissingPages > 0) Line($"{Figures.Count(report.MissingPages)} of {Figures.Count(report.Pages)} pages are absent");
        if (report.SourceHash == report.DestinationHash) return;
        Line("the destination differs from the source");
        Line($"sha256 of the source      {report.SourceHash}");
        Line($"sha256 of the destination {report.DestinationHash}");
    }

    private string Rate() => report.Duration > TimeSpan.Zero ? Figures.Rate(report.FaultsPerSecond) : "in no time";

    private string FaultsByCause()
    {
        List<string> kinds = [];
        Add("missing", report.MissingReads, report.MissingWrites);
        Add("minor", report.MinorReads, report.MinorWrites);
        if (report.WriteProtectFaults > 0) kinds.Add($"write-protect {Figures.Count(report.WriteProtectFaults)}");
        return kinds.Count == 0 ? "none" : string.Join("; ", kinds);

        void Add(string kind, long reads, long writes)
        {
            if (reads + writes > 0) kinds.Add($"{kind} {Figures.Count(reads)} by reads, {Figures.Count(writes)} by writes");
        }
    }

    private string Pages(long content, long zero) =>
        $"{Figures.Count(content)} with content, {Figures.Count(zero)} zero ({Figures.Share(content + zero, report.Pages)})";

    private string Percentiles() => string.Join(
        ", ", report.Latency.Percentiles.Select(
            p => $"{(p.Percentile >= 100 ? "max" : $"p{p.Percentile:0.#}")} {Figures.Time(p.Nanoseconds)}"));

    private void Vcpus()
    {
        string qemu = "postcopy-vcpu-blocktime";
        foreach (VcpuReport vcpu in report.Vcpus.OrderByDescending(v => v.BlockedNanoseconds).Take(VcpusShown).OrderBy(v => v.Number))
        {
            Row($"vCPU {vcpu.Number}",
                $"blocked {Figures.Time(vcpu.BlockedNanoseconds)} in {Figures.Count(vcpu.Faults, "fault", "faults")}", qemu);
            qemu = "";
        }

        if (report.Vcpus.Count > VcpusShown) Row("", $"the {VcpusShown} of {report.Vcpus.Count} that were blocked longest; --json has all");
    }

    private void Hops()
    {
        string name = "mean hop";
        foreach ((string Hop, double MeanNanoseconds, long Samples)[] hops in report.Latency.Hops.Where(h => h.Samples > 0)
            .Chunk(HopsInRow))
        {
            Row(name, string.Join(", ", hops.Select(h => $"{h.Hop} {Figures.Time(h.MeanNanoseconds)}")));
            name = "";
        }
    }

    private void Distribution()
    {
        long most = report.Latency.Buckets.Select(b => b.Faults).DefaultIfEmpty(0).Max();
        string qemu = "postcopy-latency-dist";
        foreach ((long from, long faults) in report.Latency.Buckets)
        {
            string bar = new('█', (int)Math.Ceiling((double)BarWidth * faults / most));
            string range = from == 0 ? "under 1 us" : $"{Figures.Count(from)} - {Figures.Count(from * 2)} us";
            Row(range, $"{Figures.Count(faults),12}  {bar}", qemu);
            qemu = "";
        }
    }

    private void Row(string name, string value, string qemu = "") => ReportRow.Write(console, name, value, qemu);

    private void Line(string text) => console.WriteLine(text);
}
