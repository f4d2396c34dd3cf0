using Spectre.Console;
using UffdActors.Cli.Guests;
using UffdActors.Cli.Options;
using UffdActors.Kvm.Moves;
using UffdActors.Kvm.Programs;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Reports;

/// <summary>The reports of both ends of a migration between processes, for people; QEMU's name of a figure stands behind it.</summary>
internal static class MigrateText
{
    private const int HopsInRow = 3;

    /// <summary>Writes the source's.</summary>
    /// <param name="console">Where to.</param>
    /// <param name="report">The report.</param>
    /// <param name="program">A KVM guest; null for a simulated one.</param>
    public static void Write(IAnsiConsole console, MigrationSourceReport report, LeavingProgram? program = null)
    {
        if (report.Ending.Length > 0) console.WriteLine(report.Ending);
        if (report.KeepsGuest) console.WriteLine("the guest has stayed here");
        else if (report.IsDelivered && report.ActualHash is not null && report.ActualHash == report.ExpectedHash)
            console.MarkupLineInterpolated(
                $"[green]verified[/]: both sides agree on the guest's {Compared(program)}, sha256 {report.ActualHash}");
        else
        {
            string arrived = report.IsDelivered ? "" : "not every page has arrived; ";
            console.MarkupLineInterpolated($"[red]NOT VERIFIED[/]: {arrived}{Why(report)}");
        }

        if (program is { LeftRunning: { } running })
            Row(console, "guest", $"{Of(program.Program.Plan)}; {Figures.Count(running)} of them ran when it left", "");
        Row(console, "downtime", Figures.Time(report.Downtime), "downtime");
        Row(console, "whole migration", Figures.Time(report.Duration), "total-time");
        Row(console, "sent", SizeText.Of(report.Bytes), "transferred");
        if (report.Rounds > 0)
            Row(console, "before the switch", $"{SizeText.Of(report.PreCopyBytes)} in {Figures.Count(report.Rounds, "round", "rounds")}",
                "precopy-bytes");
        Row(console, "after the switch", $"{Figures.Count(report.Pages)} pages with content, {Figures.Count(report.ZeroPages)} zero",
            "normal, duplicate");
        if (report.LostLinks > 0) Row(console, "lost links", Figures.Count(report.LostLinks), "");
        if (program is { Actual: { } there, Expected: { } expected })
        {
            for (int i = 0; i < there.Count; i++)
                Row(console, $"vCPU {i}", $"checksum {Hex(there[i])}, {(there[i] == expected[i] ? "as of its copy here"
                    : $"and {Hex(expected[i])} of its copy here")}", "");
        }
    }

    /// <summary>Why a migration is not verified, as far as the destination knows.</summary>
    public static string WhyNot(MigrationDestinationReport report) =>
        report.MissingPages > 0 ? $"{Figures.Count(report.MissingPages)} pages are absent"
            : report.ExpectedHash is null ? "the source has not said what the memory must be"
            : $"sha256 {report.Hash}, and {report.ExpectedHash} by the source";

    /// <summary>Writes the destination's.</summary>
    public static void Write(IAnsiConsole console, MigrationDestinationReport report, ReceivedGuest guest)
    {
        if (report.Ending.Length > 0) console.WriteLine(report.Ending);
        if (!report.HasGuest)
        {
            console.WriteLine("no guest has run here");
            return;
        }

        if (report.IsVerified && guest.Error is null)
            console.MarkupLineInterpolated(
                $"[green]verified[/]: {Figures.Count(report.Pages)} pages present, both sides agree on every byte");
        else
        {
            string why = guest.Error ?? WhyNot(report);
            console.MarkupLineInterpolated($"[red]NOT VERIFIED[/]: {why}");
        }

        Row(console, "state to running", Figures.Time(report.LoadTime), "");
        Row(console, "last page", $"after {Figures.Time(report.PageTime)}", "");
        Row(console, "guest done", $"after {Figures.Time(report.GuestTime)}", "");
        if (report.Faults is { } faults)
        {
            Row(
                console, "requests",
                $"{Figures.Count(report.Demands)} for {Figures.Count(faults.Faults)} faults{Figures.AndRepeats(faults.Repeated)}",
                "postcopy-requests");
        }

        Row(
            console, "background",
            $"{Figures.Count(report.PushedPages)} pages with content, {Figures.Count(report.PushedZeroPages)} zero", "");
        if (report.Demands > 0)
        {
            Row(console, "demand wait", $"mean {Figures.Time(report.DemandTime / report.Demands)} from request to answer", "");
        }

        if (report.CopiedPages > 0) Row(console, "copied before", $"{Figures.Count(report.CopiedPages)} pages", "");
        if (report.Latency is { } latency)
        {
            Row(console, "fault latency", $"mean {Figures.Time(latency.MeanNanoseconds)}, " + string.Join(
                ", ", latency.Percentiles.Select(
                    p => $"{(p.Percentile >= 100 ? "max" : $"p{p.Percentile:0.#}")} {Figures.Time(p.Nanoseconds)}")), "postcopy-latency");
        }

        if (report.Latency is { } stations) Hops(console, stations);
        if (report.Place is { LoopCpu: { } cpu } place)
            Row(console, "placement", $"fault loop on CPU {cpu}, vCPUs on CPU {place.VcpuCpu?.ToString() ?? "any"}", "");
        if (report.LostLinks > 0) Row(console, "lost links", Figures.Count(report.LostLinks), "");
        if (guest.Program is { Program: { } kvm } program)
        {
            Row(console, "guest", Of(kvm.Plan), "");
            Row(console, "exits", $"{Figures.Count(kvm.Exits)} to this process", "");
            if (kvm.Device.GivenBack > 0) Row(console, "given back", Figures.Count(kvm.Device.GivenBack, "page", "pages"), "");
            for (int i = 0; i < program.Checksums?.Count; i++) Row(console, $"vCPU {i}", $"checksum {Hex(program.Checksums[i])}", "");
        }
    }

    private static string Of(GuestPlan plan) =>
        $"KVM, {SizeText.Of(plan.MemoryBytes)}, program {plan.Kind.ToString().ToLowerInvariant()}, "
            + $"{Figures.Count(plan.Rounds, "round", "rounds")}, {Figures.Count(plan.Vcpus, "vCPU", "vCPUs")}";

    private static string Compared(LeavingProgram? program) => program is null
        ? "memory"
        : $"memory and the registers of its {Figures.Count(program.Program.Plan.Vcpus, "vCPU", "vCPUs")}, by its copy that ran on here";

    private static string Hex(ulong value) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"0x{value:x16}");

    // The wire is between requested and data.
    private static void Hops(IAnsiConsole console, LatencySummary latency)
    {
        string name = "mean hop";
        foreach ((string Hop, double MeanNanoseconds, long Samples)[] hops in latency.Hops.Where(h => h.Samples > 0).Chunk(HopsInRow))
        {
            Row(console, name, string.Join(", ", hops.Select(h => $"{h.Hop} {Figures.Time(h.MeanNanoseconds)}")), "");
            name = "";
        }
    }

    private static string Why(MigrationSourceReport report) => report.ExpectedHash is null
        ? "what the memory is at its end was not compared"
        : report.ActualHash == report.ExpectedHash ? "what has arrived is right"
        : $"sha256 {report.ActualHash}, and it must be {report.ExpectedHash}";

    private static void Row(IAnsiConsole console, string name, string value, string qemu) =>
        ReportRow.Write(console, name, value, qemu);
}
