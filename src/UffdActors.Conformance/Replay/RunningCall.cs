using UffdActors.Conformance.Programs;
using UffdActors.Model.Turns;

namespace UffdActors.Conformance.Replay;

/// <summary>A step whose call or access has begun.</summary>
internal sealed record RunningCall(ProgramStep Step, Operation Operation);
