using UffdActors.Statistics;
using UffdActors.Vcpus;

namespace UffdActors.Actors;

/// <summary>What a vCPU is made of.</summary>
/// <param name="Number">Number of the vCPU.</param>
/// <param name="Thread">Its thread.</param>
/// <param name="Workload">What it does.</param>
/// <param name="Regions">The regions that there are when it starts.</param>
/// <param name="Progress">How far it is.</param>
/// <param name="Blocked">Clock of the time during which all are blocked.</param>
/// <param name="SampleEvery">1 to stamp every fault, n to stamp one in n.</param>
/// <param name="Check">What reads must find; null if phantom.</param>
internal sealed record VcpuOptions(
    int Number,
    VcpuThread Thread,
    IWorkload Workload,
    VcpuRegion[] Regions,
    VcpuProgress Progress,
    BlockedClock Blocked,
    int SampleEvery,
    IContentCheck? Check)
{
    /// <summary>The next step of the work. What this throws is the embedder's, and ends the vCPU alone.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It touches what no region has.</exception>
    public bool TryNext(out GuestStep step)
    {
        if (!Workload.TryNext(out step)) return false;
        if ((uint)step.Region < (uint)Regions.Length && (ulong)step.Page < (ulong)Regions[step.Region].Pages) return true;
        throw new ArgumentOutOfRangeException(
            nameof(step), step,
            $"The workload of vCPU {Number} touches page {step.Page} of region {step.Region}, and there is no such page: there were "
                + $"{Regions.Length} regions when the vCPU was started.");
    }
}
