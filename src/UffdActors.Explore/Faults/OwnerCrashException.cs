namespace UffdActors.Explore.Faults;

/// <summary>An exception in a turn of an actor that is not restarted: the VM is to fail closed (RING F2).</summary>
internal sealed class OwnerCrashException(FaultPoint point) : Exception($"injected at {FaultPoints.NameOf(point)}");
