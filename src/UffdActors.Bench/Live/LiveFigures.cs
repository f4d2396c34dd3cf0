namespace UffdActors.Bench.Live;

/// <summary>The figures of one loop.</summary>
/// <param name="FaultsPerSecond">Faults, and so pages, a second, of all vCPUs.</param>
/// <param name="PagesPerSecondPerVcpu">Pages a second of one vCPU.</param>
/// <param name="P50Nanoseconds">Median of the accesses, as the vCPUs saw them.</param>
/// <param name="P99Nanoseconds">99th percentile.</param>
/// <param name="CpuNanosecondsPerFault">CPU time of all threads of the process, vCPUs included.</param>
/// <param name="AllocatedBytesPerFault">Managed bytes that the whole process allocated; null for the loop in C.</param>
internal sealed record LiveFigures(
    Spread FaultsPerSecond, Spread PagesPerSecondPerVcpu, Spread P50Nanoseconds, Spread P99Nanoseconds, Spread CpuNanosecondsPerFault,
    Spread? AllocatedBytesPerFault)
{
    internal static LiveFigures Of(IEnumerable<LiveSample> samples, int vcpus)
    {
        LiveSample[] all = [.. samples];
        return new LiveFigures(
            Spread.Of(all.Select(s => s.FaultsPerSecond)),
            Spread.Of(all.Select(s => s.FaultsPerSecond / vcpus)),
            Spread.Of(all.Select(s => s.P50Nanoseconds)),
            Spread.Of(all.Select(s => s.P99Nanoseconds)),
            Spread.Of(all.Select(s => s.CpuNanosecondsPerFault)),
            all[0].AllocatedBytesPerFault is null ? null : Spread.Of(all.Select(s => s.AllocatedBytesPerFault!.Value)));
    }
}
