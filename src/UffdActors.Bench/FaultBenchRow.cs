namespace UffdActors.Bench;

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
    /// CPU time of the whole process divided by the faults. Where other programs run too it is more reliable than the rate; above the time
    /// of a fault it shows that several CPUs are busy.
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

    internal static FaultBenchRow Of(FaultBenchOptions options, BenchCell cell)
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
