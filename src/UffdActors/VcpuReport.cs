namespace UffdActors;

/// <summary>What a vCPU did.</summary>
/// <param name="Number">Number.</param>
/// <param name="Accesses">Accesses that are through.</param>
/// <param name="Faults">Faults raised.</param>
/// <param name="BlockedNanoseconds">Time blocked in stamped faults.</param>
/// <param name="Repeats">
/// Times that it raised a fault of an access again, because a signal had ended its wait; not among the faults.
/// </param>
public sealed record VcpuReport(int Number, long Accesses, long Faults, long BlockedNanoseconds, long Repeats);
