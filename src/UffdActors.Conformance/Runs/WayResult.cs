using UffdActors.Conformance.Replay;

namespace UffdActors.Conformance.Runs;

/// <summary>What one way showed of one file.</summary>
/// <param name="Way">kernel, actors, or actors in random order.</param>
/// <param name="Fields">Fields compared.</param>
/// <param name="Mismatches">What differed.</param>
/// <param name="Seconds">Time of the thread that replayed it.</param>
internal sealed record WayResult(string Way, long Fields, IReadOnlyList<Mismatch> Mismatches, double Seconds);
