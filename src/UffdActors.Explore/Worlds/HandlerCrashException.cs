using UffdActors.Explore.Faults;

namespace UffdActors.Explore.Worlds;

/// <summary>A crash that was wanted.</summary>
internal sealed class HandlerCrashException(FaultPoint point) : Exception($"injected at {FaultPoints.NameOf(point)}");
