using System.Runtime.InteropServices;

namespace UffdActors.Bench;

/// <summary>The figures of a <see cref="FaultBench"/>, as they are printed and as they are written for machines.</summary>
internal sealed record FaultBenchReport
{
    private const int MaxRows = 1024;

    /// <summary>Where it ran.</summary>
    public required BenchMachine Machine { get; init; }

    /// <summary>phantom or bytes.</summary>
    public required string Content { get; init; }

    /// <summary>missing or minor.</summary>
    public required string Mode { get; init; }

    /// <summary>Base pages of each VM.</summary>
    public required long Pages { get; init; }

    /// <summary>Repeats behind each figure.</summary>
    public required int Repeats { get; init; }

    /// <summary>CPUs that fault loops were bound to, VM by VM; empty for any.</summary>
    public required IReadOnlyList<int> Cpus { get; init; }

    /// <summary>The figures.</summary>
    public required IReadOnlyList<FaultBenchRow> Rows { get; init; }

    // What types do not say.
    internal string? Problem()
    {
        if (Pages < 1 || Repeats < 1) return "pages and repeats are at least 1";
        if (Cpus.Count > MaxRows || Cpus.Any(cpu => cpu < 0)) return $"cpus: up to {MaxRows} numbers are taken, and none is negative";
        if (Rows.Count > MaxRows || Rows.Any(row => row is null)) return $"rows: up to {MaxRows} are taken, and none is null";
        if (Rows.Select(row => (row.Dispatcher, row.Vcpus)).Distinct().Count() < Rows.Count)
            return "rows: a dispatcher with a number of vCPUs is there twice";
        FaultBenchRow? odd = Rows.FirstOrDefault(row => !row.MakesSense);
        return odd is null
            ? null
            : $"the row of {odd.Dispatcher} with {odd.Vcpus} vCPUs has a figure that is negative, or outside of its own range";
    }

    internal static FaultBenchReport Of(FaultBenchOptions options, IReadOnlyList<Cell> cells) => new()
    {
        Machine = BenchMachine.Current(),
        Content = options.Content == BenchContent.Phantom ? "phantom" : "bytes",
        Mode = options.Mode == BenchMode.Missing ? "missing" : "minor",
        Pages = options.Pages,
        Repeats = options.Repeats,
        Cpus = options.Cpus,
        Rows = [.. cells.Select(c => FaultBenchRow.Of(options, c))],
    };
}

/// <summary>Where figures come from.</summary>
/// <param name="Processors">CPUs that the process may use.</param>
/// <param name="Runtime">.NET runtime.</param>
/// <param name="System">Operating system.</param>
/// <param name="ServerGc">The garbage collector's mode.</param>
internal sealed record BenchMachine(int Processors, string Runtime, string System, bool ServerGc)
{
    internal static BenchMachine Current() => new(
        Environment.ProcessorCount,
        RuntimeInformation.FrameworkDescription,
        $"{RuntimeInformation.OSDescription} {RuntimeInformation.OSArchitecture}",
        global::System.Runtime.GCSettings.IsServerGC);
}

/// <summary>One dispatcher with one number of vCPUs.</summary>
internal sealed record FaultBenchRow
{
    /// <summary>Dispatcher.</summary>
    public required string Dispatcher { get; init; }

    /// <summary>vCPUs of each VM, and messages in flight in the empty ring.</summary>
    public required int Vcpus { get; init; }

    /// <summary>One VM: faults per second.</summary>
    public required Spread FaultsPerSecond { get; init; }

    /// <summary>Messages that actors took out of their mailboxes for one fault, counted.</summary>
    public required double MessagesPerFault { get; init; }

    /// <summary>Nanoseconds of a fault divided by its messages.</summary>
    public required Spread HopNanoseconds { get; init; }

    /// <summary>Nanoseconds of a hop in the empty ring.</summary>
    public required Spread EmptyHopNanoseconds { get; init; }

    /// <summary>The first over the second, repeat by repeat.</summary>
    public required Spread HopRatio { get; init; }

    /// <summary>
    /// CPU time of the whole process divided by the faults. Where other programs run too it says more than the rate; above the time of a
    /// fault it shows that several CPUs are at work.
    /// </summary>
    public required Spread CpuNanosecondsPerFault { get; init; }

    /// <summary>The CPU time of a hop of the ring over that of a hop of the empty ring, repeat by repeat.</summary>
    public required Spread HopCpuRatio { get; init; }

    /// <summary>Managed bytes that the whole process allocated, divided by the faults; start and end of the run included.</summary>
    public required Spread AllocatedBytesPerFault { get; init; }

    /// <summary>VMs side by side in one process; null if that was not measured.</summary>
    public SideBySide? Vms { get; init; }

    /// <summary>Processes side by side; null if that was not measured.</summary>
    public SideBySide? Processes { get; init; }

    /// <summary>
    /// Rate of the VMs over that of as many processes, repeat by repeat; null unless both were measured in the same number.
    /// </summary>
    public Spread? VmsOverProcesses { get; init; }

    /// <summary>False if a figure cannot have been measured.</summary>
    internal bool MakesSense => Vcpus >= 1 && double.IsFinite(MessagesPerFault) && MessagesPerFault >= 0 && Figures().All(f => f.MakesSense)
        && (Vms?.Count ?? 2) >= 2 && (Processes?.Count ?? 2) >= 2;

    private IEnumerable<Spread> Figures() => new[]
    {
        FaultsPerSecond, HopNanoseconds, EmptyHopNanoseconds, HopRatio, CpuNanosecondsPerFault, HopCpuRatio, AllocatedBytesPerFault,
        Vms?.FaultsPerSecond, Vms?.OverOne, Processes?.FaultsPerSecond, Processes?.OverOne, VmsOverProcesses,
    }.OfType<Spread>();

    internal static FaultBenchRow Of(FaultBenchOptions options, Cell cell)
    {
        double Hop(RepeatSample s) => 1e9 / s.One.PerSecond / cell.MessagesPerFault;
        return new FaultBenchRow
        {
            Dispatcher = cell.Dispatcher,
            Vcpus = cell.Vcpus,
            FaultsPerSecond = Spread.Of(cell.Samples.Select(s => s.One.PerSecond)),
            MessagesPerFault = cell.MessagesPerFault,
            HopNanoseconds = Spread.Of(cell.Samples.Select(Hop)),
            EmptyHopNanoseconds = Spread.Of(cell.Samples.Select(s => s.Empty.Nanoseconds)),
            HopRatio = Spread.Of(cell.Samples.Select(s => Hop(s) / s.Empty.Nanoseconds)),
            CpuNanosecondsPerFault = Spread.Of(cell.Samples.Select(s => s.Cpu.TotalNanoseconds / s.One.Faults)),
            HopCpuRatio = Spread.Of(cell.Samples.Select(s =>
                s.Cpu.TotalNanoseconds / (s.One.Faults * cell.MessagesPerFault) / (s.EmptyCpu.TotalNanoseconds / s.Empty.Hops))),
            AllocatedBytesPerFault = Spread.Of(cell.Samples.Select(s => (double)s.AllocatedBytes / s.One.Faults)),
            Vms = SideBySide.Of(options.Vms, cell, s => s.Vms),
            Processes = SideBySide.Of(options.Processes, cell, s => s.Processes),
            VmsOverProcesses = options.Vms > 1 && options.Vms == options.Processes
                ? Spread.Of(cell.Samples.Select(s => s.Vms!.Value.PerSecond / s.Processes!.Value.PerSecond))
                : null,
        };
    }
}

/// <summary>Several VMs at the same time, beside one alone.</summary>
/// <param name="Count">How many.</param>
/// <param name="FaultsPerSecond">Faults per second of all together.</param>
/// <param name="OverOne">That over the rate of one VM alone, repeat by repeat.</param>
internal sealed record SideBySide(int Count, Spread FaultsPerSecond, Spread OverOne)
{
    internal static SideBySide? Of(int count, Cell cell, Func<RepeatSample, FaultRun?> which) => count < 2
        ? null
        : new SideBySide(
            count,
            Spread.Of(cell.Samples.Select(s => which(s)!.Value.PerSecond)),
            Spread.Of(cell.Samples.Select(s => which(s)!.Value.PerSecond / s.One.PerSecond)));
}
