namespace UffdActors.Bench.Events;

/// <summary>What one repeat measured of the events.</summary>
/// <param name="WindowRates">Events a second, window by window.</param>
/// <param name="AllocatedBytes">Managed bytes of the whole process, a piece.</param>
/// <param name="PauseMilliseconds">What the garbage collector has held the process up in all.</param>
internal sealed record EventSample(double[] WindowRates, double AllocatedBytes, double PauseMilliseconds);
