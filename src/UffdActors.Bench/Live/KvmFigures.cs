namespace UffdActors.Bench.Live;

/// <summary>Figures of KVM vCPUs.</summary>
/// <param name="FaultsPerSecond">Faults, and so pages, a second, of all vCPUs.</param>
/// <param name="FaultNanoseconds">What a fault adds to a page of one vCPU: the run with absent pages less that with all present.</param>
/// <param name="PresentNanosecondsPerPage">Time of a page of one vCPU with all pages present: the guest's own instructions.</param>
/// <param name="CpuNanosecondsPerFault">CPU time of all threads of the process; null for the program in C.</param>
internal sealed record KvmFigures(
    Spread FaultsPerSecond, Spread FaultNanoseconds, Spread PresentNanosecondsPerPage, Spread? CpuNanosecondsPerFault)
{
    internal static KvmFigures Of(IEnumerable<KvmSample> samples, int vcpus)
    {
        KvmSample[] all = [.. samples];
        return new KvmFigures(
            Spread.Of(all.Select(s => s.FaultsPerSecond)),
            Spread.Of(all.Select(s => (vcpus * 1e9 / s.FaultsPerSecond) - s.PresentNanosecondsPerPage)),
            Spread.Of(all.Select(s => s.PresentNanosecondsPerPage)),
            all[0].CpuNanosecondsPerFault is null ? null : Spread.Of(all.Select(s => s.CpuNanosecondsPerFault!.Value)));
    }
}
