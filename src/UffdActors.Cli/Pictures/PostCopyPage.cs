using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Pictures.Charts;
using UffdActors.Pictures.History;
using UffdActors.Pictures.Html;
using UffdActors.Pictures.Recording;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Pictures;

/// <summary>A migration within one process, as a page.</summary>
internal static class PostCopyPage
{
    /// <summary>The migration, to be looked at while it runs; null before.</summary>
    public static WatchedRun? Watched(PostCopyMigration? migration)
    {
        if (migration?.Running is not { } running) return null;
        Userfault userfault = running.Userfault;
        return new WatchedRun
        {
            Now = () => running.Vm.Now,
            Start = () => running.Start,
            IsVirtualTime = running.IsStepped,
            IsOver = () => running.Phase == PostCopyPhase.Verifying,
            Regions = [.. running.Vm.Regions.Select(r => WatchedRegion.Of(userfault, r))],
            Figures = WatchedRun.FiguresOf(
                userfault, () => running.Push is { } push ? [push] : [], () => running.Vcpus.Accesses),
            Requested = () => [.. userfault.OutstandingPages().Select(p => p.Address)],
        };
    }

    /// <summary>Name of the run.</summary>
    public static string TitleOf(PostCopyOptions options) =>
        $"uffd postcopy: {SizeText.Of(options.Image.Bytes)} to {options.Backend ?? "anon"}, {options.Mode.ToString().ToLowerInvariant()}";

    /// <summary>The page.</summary>
    public static HtmlReport Of(RunHistory run, PostCopyOptions options, string dispatcher, PostCopyReport report) => new()
    {
        Title = TitleOf(options),
        IsGood = report.Verified,
        Verdict = report.Verified
            ? $"Verified: {Figures.Count(report.Pages, "page", "pages")} present, both sides equal, "
                + $"{Figures.Count(report.WrittenLanes, "guest write", "guest writes")} applied."
            : $"NOT VERIFIED: {report.GuestError ?? $"{Figures.Count(report.MissingPages)} pages are absent, or the sides differ"}.",
        Facts =
        [
            new("memory", $"{SizeText.Of(options.Image.Bytes)} ({options.Image.Name}), pages of {SizeText.Of(report.PageBytes)}"),
            new("kernel", report.Place.IsLive ? $"Linux {report.Place.Kernel}" : $"the model of {report.Place.Kernel}"),
            new("dispatcher", dispatcher),
            new("vCPUs, handlers", $"{options.Vcpus}, {options.Handlers}"),
            new("memory complete (QEMU: total-time)", $"after {Figures.Time(report.PushDuration)}"),
            new("guest done", $"after {Figures.Time(report.Duration)}, {Figures.Count(report.Accesses)} accesses"),
            new("faults", $"{Figures.Faults(report.Faults, report.RepeatedFaults)}, {Figures.Rate(report.FaultsPerSecond)}"),
            new("requests (QEMU: postcopy-requests)", Figures.Count(report.Requests)),
            new("fault latency (QEMU: postcopy-latency)", $"mean {Figures.Time(report.Latency.MeanNanoseconds)}"),
            new("all vCPUs blocked (QEMU: postcopy-blocktime)", Figures.Time(report.AllBlocked)),
            new("sha256", report.SourceHash),
        ],
        Charts = RunCharts.Of(run),
        Tables = [HtmlReport.IncidentsOf(run)],
        Note = PostCopyText.Times(report),
    };
}
