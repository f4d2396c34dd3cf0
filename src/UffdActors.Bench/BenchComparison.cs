namespace UffdActors.Bench;

/// <summary>Two runs side by side.</summary>
internal sealed record BenchComparison
{
    /// <summary>Settings that differ between the two runs, a sentence each.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>Every figure that both runs have.</summary>
    public required IReadOnlyList<ComparedFigure> Figures { get; init; }

    /// <summary>Compares.</summary>
    /// <exception cref="BenchException">The runs have no row in common.</exception>
    public static BenchComparison Of(FaultBenchReport a, FaultBenchReport b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        List<ComparedFigure> figures = [];
        List<string> notes = [.. Differences(a, b)];
        foreach (FaultBenchRow row in a.Rows)
        {
            FaultBenchRow? other = b.Rows.FirstOrDefault(r => r.Dispatcher == row.Dispatcher && r.Vcpus == row.Vcpus);
            if (other is null) notes.Add($"Only A has {row.Dispatcher} with {row.Vcpus} vCPUs.");
            else figures.AddRange(Compare(row, other));
        }

        foreach (FaultBenchRow row in b.Rows)
        {
            if (!a.Rows.Any(r => r.Dispatcher == row.Dispatcher && r.Vcpus == row.Vcpus))
                notes.Add($"Only B has {row.Dispatcher} with {row.Vcpus} vCPUs.");
        }

        if (figures.Count == 0)
            throw new BenchException("The two runs have no dispatcher and number of vCPUs in common; there is nothing to compare.");
        return new BenchComparison { Notes = notes, Figures = figures };
    }

    private static IEnumerable<string> Differences(FaultBenchReport a, FaultBenchReport b)
    {
        (string Name, string A, string B)[] settings =
        [
            ("content", a.Content, b.Content),
            ("mode", a.Mode, b.Mode),
            ("pages", $"{a.Pages}", $"{b.Pages}"),
            ("repeats", $"{a.Repeats}", $"{b.Repeats}"),
            ("CPUs", string.Join(',', a.Cpus), string.Join(',', b.Cpus)),
            ("machine", $"{a.Machine}", $"{b.Machine}"),
        ];
        return settings.Where(s => s.A != s.B).Select(s => $"Not the same {s.Name}: A \"{s.A}\", B \"{s.B}\".");
    }

    private static IEnumerable<ComparedFigure> Compare(FaultBenchRow a, FaultBenchRow b)
    {
        ComparedFigure Make(string name, Spread x, Spread y) => new(a.Dispatcher, a.Vcpus, name, x, y);
        yield return Make("faults/s", a.FaultsPerSecond, b.FaultsPerSecond);
        yield return Make("messages a fault", Exactly(a.MessagesPerFault), Exactly(b.MessagesPerFault));
        yield return Make("hop ns", a.HopNanoseconds, b.HopNanoseconds);
        yield return Make("empty hop ns", a.EmptyHopNanoseconds, b.EmptyHopNanoseconds);
        yield return Make("hop/empty", a.HopRatio, b.HopRatio);
        yield return Make("CPU ns a fault", a.CpuNanosecondsPerFault, b.CpuNanosecondsPerFault);
        yield return Make("hop/empty, CPU", a.HopCpuRatio, b.HopCpuRatio);
        yield return Make("bytes allocated a fault", a.AllocatedBytesPerFault, b.AllocatedBytesPerFault);
        if (a.Vms is { } vms && b.Vms is { } otherVms && vms.Count == otherVms.Count)
            yield return Make($"faults/s, {vms.Count} VMs", vms.FaultsPerSecond, otherVms.FaultsPerSecond);
        if (a.Processes is { } processes && b.Processes is { } otherProcesses && processes.Count == otherProcesses.Count)
            yield return Make($"faults/s, {processes.Count} processes", processes.FaultsPerSecond, otherProcesses.FaultsPerSecond);
    }

    private static Spread Exactly(double value) => new(value, value, value);
}
