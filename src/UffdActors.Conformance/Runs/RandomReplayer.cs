using UffdActors.Actors;
using UffdActors.Conformance.Matrices;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Dispatch.Stepping;

namespace UffdActors.Conformance.Runs;

/// <summary>The actors in random orders, compared up to that order.</summary>
internal sealed class RandomReplayer(ConformanceOptions options, CancellationToken cancel) : Replayer("actors, random order", options)
{
    private readonly SteppedSystem _system = new();

    public override void Replay(Trace trace, Differ differ)
    {
        for (int seed = 0; seed < Options.Seeds; seed++)
        {
            cancel.ThrowIfCancellationRequested();
            OrderLog log = new(new RandomPolicy((ulong)seed));
            using ModelExecutor model = new(trace.Header, Options.Profile, machine => new SteppedKernel(_system, machine, log));
            using AnyOrderReplay replay = new(trace, Options.Profile, model, log);
            replay.Run(differ, NewInvariants());
        }
    }

    // A row has one thread at a time: a run without a choice is the same for every seed.
    public override void Replay(MatrixRow row, Differ differ)
    {
        for (int seed = 0; seed < Options.Seeds; seed++)
        {
            cancel.ThrowIfCancellationRequested();
            OrderLog log = new(new RandomPolicy((ulong)seed));
            Replay(row, differ, machine => new SteppedKernel(_system, machine, log));
            if (log.Decisions == 0) return;
        }
    }

    public override void Dispose() => _system.Dispose();
}
