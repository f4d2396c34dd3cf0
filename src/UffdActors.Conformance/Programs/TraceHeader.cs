namespace UffdActors.Conformance.Programs;

/// <summary>Line 1 of a trace.</summary>
/// <param name="Class">Class of program.</param>
/// <param name="Seed">Seed of the generator.</param>
/// <param name="Kernel">Release of the kernel.</param>
/// <param name="FaultAroundBytes">Window of fault-around.</param>
/// <param name="ArenaStart">First address of the arena.</param>
/// <param name="ArenaEnd">First address behind the arena.</param>
/// <param name="Source">First source page.</param>
/// <param name="HugeSource">First huge source page.</param>
internal sealed record TraceHeader(
    string Class, long Seed, string Kernel, long FaultAroundBytes, ulong ArenaStart, ulong ArenaEnd, ulong Source, ulong HugeSource)
{
    /// <summary>Version of the format.</summary>
    public const int Version = 1;
}
