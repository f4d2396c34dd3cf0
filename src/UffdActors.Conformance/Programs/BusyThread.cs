namespace UffdActors.Conformance.Programs;

/// <summary>What keeps a thread busy.</summary>
/// <param name="Step">The step that has not finished.</param>
/// <param name="Wait">fault, event or read.</param>
internal readonly record struct BusyThread(ProgramStep Step, string Wait);
