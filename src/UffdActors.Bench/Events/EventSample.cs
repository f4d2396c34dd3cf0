namespace UffdActors.Bench.Events;

/// <summary>What one repeat measured of the events.</summary>
/// <param name="WindowRates">Events a second, window by window.</param>
/// <param name="AllocatedBytes">Managed bytes of the whole process, an event.</param>
/// <param name="PauseMilliseconds">Pauses by the garbage collector in all.</param>
internal sealed record EventSample(double[] WindowRates, double AllocatedBytes, double PauseMilliseconds);
