namespace UffdActors.Bench.Live;

/// <summary>What one run of KVM vCPUs measured.</summary>
/// <param name="FaultsPerSecond">Faults, and so pages, a second, from the first instruction until the last vCPU has halted.</param>
/// <param name="PresentNanosecondsPerPage">
/// The same guest with all pages present: time of a page of one vCPU. What a fault adds is the difference.
/// </param>
/// <param name="CpuNanosecondsPerFault">CPU time of all threads of the process; null for another process.</param>
internal sealed record KvmSample(double FaultsPerSecond, double PresentNanosecondsPerPage, double? CpuNanosecondsPerFault);
