namespace UffdActors.Linux.Needs;

/// <summary>Memory.</summary>
/// <param name="TotalMib">Memory of the machine in MiB.</param>
/// <param name="AvailableMib">Memory available in MiB.</param>
/// <param name="SwapMib">Swap in MiB; 0 for none.</param>
/// <param name="HugePageBytes">Size of a huge page.</param>
/// <param name="HugePagesTotal">Huge pages in the pool.</param>
/// <param name="HugePagesFree">Huge pages that are free.</param>
/// <param name="HugePagesReserved">Huge pages that are free and promised.</param>
/// <param name="TransparentHugePages">Setting for anonymous memory.</param>
/// <param name="TransparentHugePagesShmem">Setting for shared memory.</param>
/// <param name="MemoryFailure">True if the kernel handles broken memory: a poisoned page then gives si_code 4 instead of 2.</param>
/// <param name="FaultAroundBytes">Window of fault-around, measured; -1 if it could not be.</param>
/// <param name="PagemapScanAnswer">PAGEMAP_SCAN: "ok", or an errno.</param>
internal sealed record MemoryFacts(
    long TotalMib,
    long AvailableMib,
    long SwapMib,
    long HugePageBytes,
    long HugePagesTotal,
    long HugePagesFree,
    long HugePagesReserved,
    string TransparentHugePages,
    string TransparentHugePagesShmem,
    bool MemoryFailure,
    long FaultAroundBytes,
    string PagemapScanAnswer)
{
    /// <summary>PAGEMAP_SCAN works.</summary>
    public bool PagemapScan => PagemapScanAnswer == "ok";
}
