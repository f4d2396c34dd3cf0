using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Kvm.Runs;
using UffdActors.Pictures.Charts;
using UffdActors.Pictures.History;
using UffdActors.Pictures.Html;
using UffdActors.Pictures.Recording;

namespace UffdActors.Cli.Pictures;

/// <summary>A KVM guest whose memory was served, as a page.</summary>
internal static class VmmRunPage
{
    /// <summary>The guest, to be looked at while it is served; null before.</summary>
    public static WatchedRun? Watched(GuestRunner? runner)
    {
        if (runner?.Served is not { } served) return null;
        return new WatchedRun
        {
            Now = () => served.Vm.Now,
            Start = () => served.Start,
            IsOver = () => served.IsOver,
            Regions = [WatchedRegion.Of(served.Userfault, served.Memory)],
            // Faults of KVM's vCPUs are not seen one by one: without a push every page has come by demand.
            Otherwise = served.Push is null ? PageCause.Demand : PageCause.Push,
            Figures = WatchedRun.FiguresOf(served.Userfault, () => served.Push is { } push ? [push] : [], accesses: null),
            Requested = () => [.. served.Userfault.OutstandingPages().Select(p => p.Address)],
        };
    }

    /// <summary>Name of the run.</summary>
    public static string TitleOf(GuestRunOptions options) =>
        $"uffd vmm run: a KVM guest of {SizeText.Of(options.Plan.MemoryBytes)} on {options.Backend ?? "anon"}, "
            + $"{options.Mode.ToString().ToLowerInvariant()}";

    /// <summary>The page.</summary>
    public static HtmlReport Of(
        RunHistory run, GuestRunOptions options, GuestResult present, GuestResult served, IReadOnlyList<string> differences) => new()
        {
            Title = TitleOf(options),
            IsGood = differences.Count == 0,
            Verdict = differences.Count == 0
            ? $"Verified: checksums of {Figures.Count(served.Ends.Count, "vCPU", "vCPUs")} and all memory are those of the same guest with "
                + "all memory present."
            : $"NOT VERIFIED: {string.Join(" ", differences)}",
            Facts =
        [
            new("memory", $"{SizeText.Of(options.Image.Bytes)} ({options.Image.Name}), pages of {SizeText.Of(served.PageBytes)}"),
            new("kernel", $"Linux {served.Place.Kernel}"),
            new("placement", Figures.Placement(served.Place)),
            new("vCPUs, handlers", $"{options.Plan.Vcpus}, {options.Handlers}"),
            new("program", $"{options.Plan.Kind.ToString().ToLowerInvariant()}, "
                + Figures.Count(options.Plan.Rounds, "round", "rounds")),
            new("guest", $"{Figures.Time(served.Duration)}; with all memory present {Figures.Time(present.Duration)}"),
            new("faults", Figures.Faults(served.Faults?.Faults ?? 0, served.Faults?.Repeated ?? 0)),
            new("pages by push", Figures.Count(served.PushedPages)),
            new("never asked for", $"{Figures.Count(served.AbsentPages)} base pages"),
            new("exits", Figures.Count(served.Exits)),
            new("sha256", served.MemorySha256 ?? "-"),
        ],
            Charts = RunCharts.Of(run),
            Tables = [HtmlReport.IncidentsOf(run)],
            Note = "Time 0 is the guest's first instruction. Faults of KVM's vCPUs are counted, and not followed hop by hop.",
        };
}
