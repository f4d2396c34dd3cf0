namespace UffdActors.Conformance.Programs;

/// <summary>A thread that had been blocked, and what its operation came to.</summary>
internal sealed record FinishedThread(int Thread, Observation Result);
