using UffdActors.Explore.Oracles;
using UffdActors.Explore.Scenes;

namespace UffdActors.Explore.Runs;

/// <summary>Result of a run.</summary>
/// <param name="Violation">The invariant that it broke; null if none.</param>
/// <param name="Hash">Its trace hash.</param>
/// <param name="Steps">Messages handled, from the threads' first to the end.</param>
/// <param name="IsFinished">True if every thread has done all that it had to do.</param>
internal sealed record RunResult(Violation? Violation, TraceHash Hash, int Steps, bool IsFinished);
