namespace UffdActors.Conformance.Programs;

/// <summary>A thread that had been blocked, and the result of its operation.</summary>
internal sealed record FinishedThread(int Thread, Observation Result);
