using UffdActors.Statistics;
using UffdActors.Vcpus;

namespace UffdActors.Actors;

/// <summary>What a vCPU is made of.</summary>
/// <param name="Number">Number of the vCPU.</param>
/// <param name="Thread">Its thread.</param>
/// <param name="Workload">What it does.</param>
/// <param name="Regions">Address of each region.</param>
/// <param name="Progress">How far it is.</param>
/// <param name="Blocked">Clock of the time during which all are blocked.</param>
/// <param name="SampleEvery">1 to stamp every fault, n to stamp one in n.</param>
/// <param name="Check">What reads must find; null if phantom.</param>
internal sealed record VcpuOptions(
    int Number,
    VcpuThread Thread,
    IWorkload Workload,
    ulong[] Regions,
    VcpuProgress Progress,
    BlockedClock Blocked,
    int SampleEvery,
    IContentCheck? Check);
