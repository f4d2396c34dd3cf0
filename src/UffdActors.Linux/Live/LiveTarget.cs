using UffdActors.Handling;

namespace UffdActors.Linux.Live;

/// <summary>A registered region, and the backend that fills it.</summary>
internal sealed record LiveTarget(int Region, LiveMemory Memory, LocalTarget Backend);
