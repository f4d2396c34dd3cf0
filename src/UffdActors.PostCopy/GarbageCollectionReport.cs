namespace UffdActors.PostCopy;

/// <summary>Garbage collections and the time that they stopped the process for.</summary>
/// <param name="Collections">Collections.</param>
/// <param name="Paused">Time that the process was stopped.</param>
public sealed record GarbageCollectionReport(int Collections, TimeSpan Paused);
