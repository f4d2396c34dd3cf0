using UffdActors.Cli.Guests;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Pictures.Charts;
using UffdActors.Pictures.History;
using UffdActors.Pictures.Html;
using UffdActors.Pictures.Recording;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Pictures;

/// <summary>A migration between processes, as its destination has it.</summary>
internal static class MigratePage
{
    /// <summary>Name of the run.</summary>
    public const string Title = "uffd migrate: the destination";

    /// <summary>The destination, to be looked at once there is memory for a guest; null before.</summary>
    public static WatchedRun? Watched(MigrationDestination destination, ReceivedGuest guest)
    {
        if (destination.Vm is not { } vm || destination.Userfault is not { } userfault) return null;
        return new WatchedRun
        {
            Now = () => vm.Now,
            Start = () => destination.GuestStart,
            Regions = [.. vm.Regions.Select(r => WatchedRegion.Of(userfault, r))],
            Figures = WatchedRun.FiguresOf(userfault, () => destination.Pushes, () => guest.Accesses),
            Requested = () => [.. userfault.OutstandingPages().Select(p => p.Address)],
        };
    }

    private static string KernelOf(VmPlace? place) =>
        place is null ? "-" : place.IsLive ? $"Linux {place.Kernel}" : $"the model of {place.Kernel}";

    /// <summary>The page.</summary>
    public static HtmlReport Of(RunHistory run, MigrationDestinationReport report, ReceivedGuest guest)
    {
        bool isGood = report.IsVerified && guest.Error is null;
        return new HtmlReport
        {
            Title = Title,
            IsGood = isGood,
            Verdict = !report.HasGuest ? $"No guest has run here. {report.Ending}"
                : isGood ? $"Verified: {Figures.Count(report.Pages)} pages present, both sides agree on every byte."
                : $"NOT VERIFIED: {guest.Error ?? (report.Ending.Length > 0 ? report.Ending : MigrateText.WhyNot(report))}",
            Facts =
            [
                new("kernel", KernelOf(report.Place)),
                new("memory", $"{Figures.Count(report.Pages)} pages of {SizeText.Of(report.PageBytes)}"),
                new("copied before the switch", $"{Figures.Count(report.CopiedPages)} base pages"),
                new("state to running", Figures.Time(report.LoadTime)),
                new("last page", $"after {Figures.Time(report.PageTime)}"),
                new("guest done", $"after {Figures.Time(report.GuestTime)}"),
                new("received (QEMU: transferred)", SizeText.Of(report.Bytes)),
                new("requests (QEMU: postcopy-requests)", Figures.Count(report.Demands)),
                new("pages by push", $"{Figures.Count(report.PushedPages)} with content, {Figures.Count(report.PushedZeroPages)} zero"),
                new("fault latency (QEMU: postcopy-latency)", report.Latency is { } latency ? Figures.Time(latency.MeanNanoseconds) : "-"),
                new("lost links", Figures.Count(report.LostLinks)),
                new("sha256", report.Hash ?? "-"),
            ],
            Charts = RunCharts.Of(run),
            Tables = [HtmlReport.IncidentsOf(run)],
            Note = "Time 0 is when the guest was started here. Pages that were copied before the switch are filled from memory of this "
                + "process, by demand and by push as the others are; of those that were not, the hop from requested to data is the wire."
                + (guest.Program is null ? "" : " Faults of KVM's vCPUs are counted, and not followed one by one: a page that one of them "
                    + "has waited for is drawn as one that was pushed."),
        };
    }
}
