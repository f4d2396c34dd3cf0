using System.Globalization;
using UffdActors.Bench;
using UffdActors.Bench.Events;
using UffdActors.Bench.Live;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Reports;

namespace UffdActors.Cli.Commands;

/// <summary>What <c>uffd bench</c> prints.</summary>
internal static class BenchTables
{
    /// <summary>Prints the figures of a run.</summary>
    public static void Write(Terminal terminal, FaultBenchReport report)
    {
        terminal.WriteLine(
            $"{report.Content} pages, {report.Mode} faults, {report.Pages} pages a VM, {report.Repeats} repeats: median (min..max)");
        terminal.WriteLine(
            "messages and bytes allocated are those of one fault; by CPU is hop/empty in CPU time, which other programs disturb less");
        terminal.WriteLine($"{report.Machine.Processors} CPUs, {report.Machine.Runtime}, {report.Machine.System}; {Placement(report)}");
        ReportTable table = new(
            "dispatcher", "vCPUs", "faults/s", "messages", "hop ns", "empty hop ns", "hop/empty", "CPU ns a fault", "by CPU",
            "bytes a fault");
        foreach (FaultBenchRow row in report.Rows)
        {
            table.AddRow(
                row.Dispatcher,
                Text(row.Vcpus),
                Rate(row.FaultsPerSecond),
                row.MessagesPerFault.ToString("0.00", CultureInfo.InvariantCulture),
                Figure(row.HopNanoseconds, "0"),
                Figure(row.EmptyHopNanoseconds, "0"),
                Figure(row.HopRatio, "0.00"),
                Figure(row.CpuNanosecondsPerFault, "0"),
                Figure(row.HopCpuRatio, "0.00"),
                Figure(row.AllocatedBytesPerFault, "0.0"));
        }

        table.Write(terminal);
        WriteSideBySide(terminal, report);
    }

    /// <summary>Prints the figures of real page faults.</summary>
    public static void Write(Terminal terminal, LiveFaultReport report)
    {
        WriteHead(terminal, "real page faults", report);
        terminal.WriteLine("CPU time is that of all threads of the process, vCPUs included; bytes are those that it allocated");
        ReportTable table = new(
            "vCPUs", "loop", "faults/s", "ring over it", "p50 us", "p99 us", "ring p99 over it", "CPU ns a fault", "bytes a fault");
        foreach (LiveFaultRow row in report.Rows)
        {
            AddLoop(table, row.Vcpus, "direct", row.Direct, row.RingOverDirect, row.RingP99OverDirect);
            AddLoop(table, row.Vcpus, "ring", row.Ring, null, null);
            if (row.Native is { } native) AddLoop(table, row.Vcpus, "native", native, row.RingOverNative, null);
        }

        table.Write(terminal);
        if (report.Rows.Any(r => r.Vms is not null))
        {
            ReportTable vms = new("vCPUs each", "side by side", "faults/s together", "over one VM");
            foreach (LiveFaultRow row in report.Rows)
            {
                if (row.Vms is { } side)
                    vms.AddRow(Text(row.Vcpus), $"{side.Count} VMs, a CPU each", Rate(side.FaultsPerSecond), Figure(side.OverOne, "0.00"));
            }

            vms.Write(terminal);
        }

        WriteKvm(terminal, report);
        // As the kernel's own test of demand paging says it.
        foreach (LiveFaultRow row in report.Rows)
        {
            terminal.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"ring, {row.Vcpus} vCPUs: overall demand paging rate {row.Ring.FaultsPerSecond.Median:#,0} pages/s, "
                    + $"{row.Ring.PagesPerSecondPerVcpu.Median:#,0} pages/s/vCPU"));
        }
    }

    /// <summary>Prints what demand waits for beside a push.</summary>
    public static void Write(Terminal terminal, LivePushReport report)
    {
        WriteHead(terminal, "demands beside the background push", report);
        terminal.WriteLine(
            $"chunks of {report.ChunkPages} pages; a vCPU sleeps {report.PauseMicroseconds} us before each access; the bound is the sum "
                + $"of the p99 without a push and the p99 of a chunk");
        ReportTable table = new("vCPUs", "raw pages/s", "push pages/s", "push/raw", "demands", "chunk us", "chunk p99 us", "p99 us without",
            "p99 us with", "of the bound");
        foreach (LivePushRow row in report.Rows)
        {
            table.AddRow(
                Text(row.Vcpus),
                Rate(row.RawPagesPerSecond),
                Rate(row.PushPagesPerSecond),
                Figure(row.PushOverRaw, "0.00"),
                Rate(row.Demands),
                Figure(row.ChunkNanoseconds.Over(1000), "0.0"),
                Figure(row.ChunkP99Nanoseconds.Over(1000), "0.0"),
                Figure(row.UnloadedP99Nanoseconds.Over(1000), "0.0"),
                Figure(row.LoadedP99Nanoseconds.Over(1000), "0.0"),
                Figure(row.LoadedP99OverBound, "0.00"));
        }

        table.Write(terminal);
    }

    /// <summary>Prints what events cost, and faults beside many regions.</summary>
    public static void Write(Terminal terminal, EventBenchReport report)
    {
        terminal.WriteLine($"{report.World}: {report.Events} REMOVE events of single pages, {report.Repeats} repeats: median (min..max)");
        terminal.WriteLine(
            $"{report.Machine.Processors} CPUs, {report.Machine.Runtime}, "
                + $"{(report.Kernel is { } kernel ? $"Linux {kernel}" : report.Machine.System)}");
        ReportTable events = new("events/s, first tenth", "last tenth", "last/first", "within 20 %", "bytes an event", "GC pauses ms");
        events.AddRow(
            Rate(report.EventsPerSecond[0]),
            Rate(report.EventsPerSecond[^1]),
            Figure(report.LastOverFirst, "0.00"),
            report.IsFlat ? "yes" : "no",
            Figure(report.AllocatedBytesPerEvent, "0.0"),
            Figure(report.GcPauseMilliseconds, "0.0"));
        events.Write(terminal);
        if (report.Regions.Count == 0) return;
        ReportTable faults = new("regions", "faults/s in the first", "in the last", "p50 us in the first", "in the last", "last/first");
        foreach (RegionRow row in report.Regions)
        {
            faults.AddRow(
                Text(row.Regions),
                Rate(row.FirstFaultsPerSecond),
                Rate(row.LastFaultsPerSecond),
                Figure(row.FirstP50Nanoseconds.Over(1000), "0.00"),
                Figure(row.LastP50Nanoseconds.Over(1000), "0.00"),
                Figure(row.LastP50OverFirst, "0.00"));
        }

        faults.Write(terminal);
    }

    /// <summary>Prints what memory costs.</summary>
    public static void Write(Terminal terminal, MemoryReport report)
    {
        ReportTable table = new(
            "pages of", "native bytes a page", "managed bytes a page", "of it content", "bookkeeping a page", "at most");
        foreach (BookkeepingReport row in report.Bookkeeping)
        {
            table.AddRow(
                row.Content,
                Decimals(row.NativeBytesPerPage),
                Decimals(row.ManagedBytesPerPage),
                Decimals(row.ContentBytesPerPage),
                Decimals(row.BytesPerPage),
                Decimals(row.Limit));
        }

        table.Write(terminal);
        LargeGuestReport guest = report.LargeGuest;
        terminal.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"A phantom guest of {guest.Pages:#,0} pages: {guest.PresentPages:#,0} installed, {guest.Faults:#,0} demand faults in "
                + $"between, {guest.BookkeepingBytes >> 20:#,0} MiB of bookkeeping, {guest.ProcessBytes >> 20:#,0} MiB of process memory "
                + $"(at most {LargeGuestReport.Limit >> 20:#,0}), {guest.Seconds:0.0} s"));
    }

    /// <summary>Prints two runs side by side.</summary>
    public static void Write(Terminal terminal, BenchComparison comparison)
    {
        foreach (string note in comparison.Notes) terminal.WriteLine(note);
        ReportTable table = new("dispatcher", "vCPUs", "figure", "A", "B", "B/A", "ranges");
        foreach (ComparedFigure figure in comparison.Figures)
        {
            table.AddRow(
                figure.Dispatcher,
                Text(figure.Vcpus),
                figure.Name,
                Number(figure.A),
                Number(figure.B),
                figure.Ratio.ToString("0.00", CultureInfo.InvariantCulture),
                figure.RangesOverlap ? "overlap" : "apart");
        }

        table.Write(terminal);
    }

    /// <summary>Prints two runs of any bench side by side.</summary>
    public static void Write(Terminal terminal, DocumentComparison comparison)
    {
        foreach (string note in comparison.Notes) terminal.WriteLine(note);
        ReportTable table = new("figure", "A", "B", "B/A", "ranges");
        foreach ((string name, Spread a, Spread b) in comparison.Figures)
        {
            string ratio = a.Median == 0 ? "" : (b.Median / a.Median).ToString("0.00", CultureInfo.InvariantCulture);
            table.AddRow(name, OneOrSpread(a), OneOrSpread(b), ratio, a.Overlaps(b) ? "overlap" : "apart");
        }

        table.Write(terminal);
    }

    private static void WriteHead(Terminal terminal, string what, LiveBenchReport report)
    {
        terminal.WriteLine($"{what}: {report.Backend}, {report.Mode}, {report.Pages} pages, {report.Repeats} repeats: median (min..max)");
        terminal.WriteLine(
            $"{report.Machine.Processors} CPUs, {report.Machine.Runtime}, Linux {report.Kernel}; placement {report.Placement}: loops on "
                + $"CPU {report.LoopCpu}, vCPUs on CPU {report.VcpuCpu}");
    }

    private static void WriteKvm(Terminal terminal, LiveFaultReport report)
    {
        if (report.Rows.All(r => r.Kvm is null)) return;
        terminal.WriteLine(
            "KVM vCPUs that add up one word a page, in order; a fault is the difference to the same guest with all pages present");
        ReportTable table = new(
            "vCPUs", "loop", "faults/s", "ring over it", "over threads", "fault us", "present us a page", "CPU ns a fault");
        foreach (LiveFaultRow row in report.Rows)
        {
            if (row.Kvm is not { } kvm) continue;
            Add(row.Vcpus, "ring", kvm.Ring, null, kvm.OverThreads);
            if (kvm.Native is { } native) Add(row.Vcpus, "native", native, kvm.RingOverNative, null);
        }

        table.Write(terminal);

        void Add(int vcpus, string loop, KvmFigures figures, Spread? ratio, Spread? threads) => table.AddRow(
            Text(vcpus),
            $"kvm {loop}",
            Rate(figures.FaultsPerSecond),
            ratio is null ? "" : Figure(ratio, "0.00"),
            threads is null ? "" : Figure(threads, "0.00"),
            Figure(figures.FaultNanoseconds.Over(1000), "0.0"),
            Figure(figures.PresentNanosecondsPerPage.Over(1000), "0.0"),
            figures.CpuNanosecondsPerFault is { } cpu ? Figure(cpu, "0") : "");
    }

    private static void AddLoop(ReportTable table, int vcpus, string loop, LiveFigures figures, Spread? ratio, Spread? p99) => table.AddRow(
        Text(vcpus),
        loop,
        Rate(figures.FaultsPerSecond),
        ratio is null ? "" : Figure(ratio, "0.00"),
        Figure(figures.P50Nanoseconds.Over(1000), "0.0"),
        Figure(figures.P99Nanoseconds.Over(1000), "0.0"),
        p99 is null ? "" : Figure(p99, "0.00"),
        Figure(figures.CpuNanosecondsPerFault, "0"),
        figures.AllocatedBytesPerFault is { } bytes ? Figure(bytes, "0.0") : "");

    private static void WriteSideBySide(Terminal terminal, FaultBenchReport report)
    {
        if (report.Rows.All(r => r.Vms is null && r.Processes is null)) return;
        ReportTable table = new("dispatcher", "vCPUs each", "side by side", "faults/s together", "over one VM", "VMs over processes");
        foreach (FaultBenchRow row in report.Rows)
        {
            if (row.Vms is { } vms)
            {
                string over = row.VmsOverProcesses is { } ratio ? Figure(ratio, "0.00") : "";
                table.AddRow(
                    row.Dispatcher, Text(row.Vcpus), $"{vms.Count} VMs, one process", Rate(vms.FaultsPerSecond),
                    Figure(vms.OverOne, "0.00"), over);
            }

            if (row.Processes is { } processes)
                table.AddRow(
                    row.Dispatcher, Text(row.Vcpus), $"{processes.Count} processes", Rate(processes.FaultsPerSecond),
                    Figure(processes.OverOne, "0.00"), "");
        }

        table.Write(terminal);
    }

    private static string Placement(FaultBenchReport report) =>
        report.Cpus.Count == 0 ? "threads on any CPU" : $"fault loops bound to CPU {string.Join(", ", report.Cpus)} in turn";

    private static string Rate(Spread spread) => Figure(spread, "#,0");

    private static string Figure(Spread spread, string format) =>
        string.Format(
            CultureInfo.InvariantCulture,
            "{0} ({1}..{2})",
            spread.Median.ToString(format, CultureInfo.InvariantCulture),
            spread.Min.ToString(format, CultureInfo.InvariantCulture),
            spread.Max.ToString(format, CultureInfo.InvariantCulture));

    private static string Number(Spread spread) => Figure(spread, spread.Max >= 1000 ? "#,0" : "0.##");

    // What is not repeated has no range.
    private static string OneOrSpread(Spread spread) =>
        spread.Min == spread.Max
            ? spread.Median.ToString(spread.Max >= 1000 ? "#,0" : "0.##", CultureInfo.InvariantCulture)
            : Number(spread);

    private static string Decimals(double number) => number.ToString("0.00", CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
