using UffdActors.Handling;

namespace UffdActors.Stress.Injection;

/// <summary>An injected crash.</summary>
internal sealed class InjectedCrashException(HandlerPoint point) : Exception($"injected at {point}");
