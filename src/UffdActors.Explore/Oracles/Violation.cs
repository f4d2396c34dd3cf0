namespace UffdActors.Explore.Oracles;

/// <summary>An invariant that a run has broken.</summary>
/// <param name="Invariant">Short name, the same for every run that breaks it: what shrinking keeps.</param>
/// <param name="Sentence">What went wrong, in one sentence.</param>
/// <param name="Step">Step after which it was seen.</param>
internal sealed record Violation(string Invariant, string Sentence, int Step);
