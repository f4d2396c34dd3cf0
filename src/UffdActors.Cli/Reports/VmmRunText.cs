using Spectre.Console;
using UffdActors.Cli.Options;
using UffdActors.Kvm.Runs;

namespace UffdActors.Cli.Reports;

/// <summary>The report of a KVM guest for people: one screen.</summary>
internal sealed class VmmRunText(
    IAnsiConsole console, GuestRunOptions options, GuestResult present, GuestResult served, IReadOnlyList<string> differences)
{
    private const int VcpusShown = 16;
    private const int ConsoleShown = 64;

    public void Write()
    {
        Head();
        Verdict();
        Line("");
        Row("guest", $"{Figures.Time(served.Duration)}; with all memory present {Figures.Time(present.Duration)}");
        if (served.Faults is { } faults)
        {
            string rate = served.Duration > TimeSpan.Zero ? $", {Figures.Rate(faults.Faults / served.Duration.TotalSeconds)}" : "";
            Row("faults",
                $"{Figures.Faults(faults.Faults, faults.Repeated)}{rate}: missing {Figures.Count(faults.Missing)}, "
                    + $"minor {Figures.Count(faults.Minor)}; {Figures.Count(faults.Merged)} met a page under way");
            Row("pages by demand", $"{Figures.Count(faults.DemandPages)} with content, {Figures.Count(faults.DemandZeroPages)} zero");
        }

        Row("pages by push", Figures.Count(served.PushedPages));
        Row("never asked for", $"{Figures.Count(served.AbsentPages)} (of 4 KiB; most of the boot area is not used)");
        if (served.GivenBack > 0) Row("given back", Figures.Count(served.GivenBack, "page", "pages"));
        Row("exits", $"{Figures.Count(served.Exits)} to this process");
        string text = served.Console.Length > ConsoleShown ? served.Console[..ConsoleShown] + "..." : served.Console;
        Row("console", text);
        for (int i = 0; i < Math.Min(VcpusShown, served.Ends.Count); i++)
        {
            string checksum = served.Checksums[i] is { } value ? $"checksum 0x{value:x16}" : "no checksum";
            string rip = served.Ends[i].Rip is { } at ? $" at rip 0x{at:x}" : "";
            Row($"vCPU {i}", $"{served.Ends[i].Kind.ToString().ToLowerInvariant()}{rip}, {checksum}");
            if (served.Latencies[i] is { } waited)
                Row("", $"{Figures.Count(waited.Faults, "fault", "faults")}: p50 {Time(waited.P50Nanoseconds)}, p99 "
                    + $"{Time(waited.P99Nanoseconds)}, longest {Time(waited.MaxNanoseconds)}; blocked {Time(waited.BlockedNanoseconds)}");
        }

        Line("");
        Line($"Real page faults of KVM vCPUs on Linux {served.Place.Kernel}; {Figures.Placement(served.Place)}. Where KVM emulates guest "
            + $"code, the guest's time is the emulator's.");
    }

    private void Head()
    {
        string pages = options.Plan.LargePages ? "2 MiB" : "4 KiB";
        Line($"{SizeText.Of(options.Image.Bytes)} ({options.Image.Name}) in a KVM guest of {SizeText.Of(options.Plan.MemoryBytes)} on "
            + $"{options.Backend ?? "anon"}, {options.Mode.ToString().ToLowerInvariant()}");
        Line($"{Figures.Count(options.Plan.Vcpus, "vCPU", "vCPUs")}, program {options.Plan.Kind.ToString().ToLowerInvariant()}, "
            + $"{Figures.Count(options.Plan.Rounds, "round", "rounds")}, page tables of {pages}, "
            + $"{Figures.Count(options.Handlers, "handler", "handlers")}, fetched beside demand: "
            + $"{(options.Prefetch is { } prefetch ? prefetch.Order?.Name ?? "linear" : "none")}");
    }

    private void Verdict()
    {
        if (differences.Count == 0)
        {
            string vcpus = Figures.Count(served.Ends.Count, "vCPU", "vCPUs");
            console.MarkupLineInterpolated(
                $"[green]verified[/]: checksums of {vcpus} and all memory are those of the same guest with all memory present");
            Line($"sha256 {served.MemorySha256}");
            return;
        }

        console.MarkupLineInterpolated($"[red]NOT VERIFIED[/]");
        foreach (string difference in differences) Line(difference);
    }

    private static string Time(long nanoseconds) => Figures.Time((double)nanoseconds);

    private void Row(string name, string value) => ReportRow.Write(console, name, value);

    private void Line(string text) => console.WriteLine(text);
}
