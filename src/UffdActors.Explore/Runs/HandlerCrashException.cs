using UffdActors.Explore.Faults;

namespace UffdActors.Explore.Runs;

/// <summary>An injected crash of a handler.</summary>
internal sealed class HandlerCrashException(FaultPoint point) : Exception($"injected at {FaultPoints.NameOf(point)}");
