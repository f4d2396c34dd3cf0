using UffdActors.Conformance.Matrices;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Model.Turns;

namespace UffdActors.Conformance.Runs;

/// <summary>The sequential kernel.</summary>
internal sealed class SequentialReplayer(ConformanceOptions options) : Replayer("kernel", options)
{
    public override void Replay(Trace trace, Differ differ) => Replay(trace, differ, _ => new SequentialKernel());

    public override void Replay(MatrixRow row, Differ differ) => Replay(row, differ, _ => new SequentialKernel());

    public override void Dispose()
    {
    }
}
