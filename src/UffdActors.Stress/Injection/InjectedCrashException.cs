using UffdActors.Handling;

namespace UffdActors.Stress.Injection;

/// <summary>A crash that was wanted.</summary>
internal sealed class InjectedCrashException(HandlerPoint point) : Exception($"injected at {point}");
