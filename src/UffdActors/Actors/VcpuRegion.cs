namespace UffdActors.Actors;

/// <summary>A region as a vCPU touches it.</summary>
/// <param name="Address">Its first address.</param>
/// <param name="Pages">Base pages.</param>
internal readonly record struct VcpuRegion(ulong Address, long Pages);
