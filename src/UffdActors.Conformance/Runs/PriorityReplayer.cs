using UffdActors.Actors;
using UffdActors.Conformance.Matrices;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Dispatch.Stepping;

namespace UffdActors.Conformance.Runs;

/// <summary>The actors in the order of the recording: by priority.</summary>
internal sealed class PriorityReplayer(ConformanceOptions options) : Replayer("actors", options)
{
    private readonly SteppedSystem _system = new();

    public override void Replay(Trace trace, Differ differ) =>
        Replay(trace, differ, machine => new SteppedKernel(_system, machine, new PriorityPolicy()));

    public override void Replay(MatrixRow row, Differ differ) =>
        Replay(row, differ, machine => new SteppedKernel(_system, machine, new PriorityPolicy()));

    public override void Dispose() => _system.Dispose();
}
