using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Matrices;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Dispatch;
using UffdActors.Model;
using UffdActors.Model.Turns;

namespace UffdActors.Conformance.Runs;

/// <summary>One way of running what was recorded. Belongs to the thread that made it.</summary>
internal abstract class Way(string name, ConformanceOptions options) : IDisposable
{
    public string Name { get; } = name;

    protected ConformanceOptions Options { get; } = options;

    public abstract void Replay(Trace trace, Differ differ);

    public abstract void Replay(MatrixRow row, Differ differ);

    public abstract void Dispose();

    protected WorldInvariants? NewInvariants() => Options.ChecksInvariants ? new WorldInvariants() : null;

    protected void Replay(Trace trace, Differ differ, Func<Machine, IKernel> makeKernel)
    {
        using ModelWorld world = new(trace.Header, Options.Profile, makeKernel);
        _ = TraceReplay.Run(trace, world, differ, NewInvariants());
    }

    protected void Replay(MatrixRow row, Differ differ, Func<Machine, IKernel> makeKernel)
    {
        using ModelWorld world = new(ProgramGenerator.Header, Options.Profile, makeKernel);
        if (NewInvariants() is { } invariants) world.Executed += step => invariants.Check(step, world, differ);
        row.Compare(differ, row.Execute(world, ProgramGenerator.Header));
    }
}

/// <summary>The sequential kernel.</summary>
internal sealed class KernelWay(ConformanceOptions options) : Way("kernel", options)
{
    public override void Replay(Trace trace, Differ differ) => Replay(trace, differ, _ => new SequentialKernel());

    public override void Replay(MatrixRow row, Differ differ) => Replay(row, differ, _ => new SequentialKernel());

    public override void Dispose()
    {
    }
}

/// <summary>The actors in the order of the recording: by priority.</summary>
internal sealed class PriorityWay(ConformanceOptions options) : Way("actors", options)
{
    private readonly SteppedSystem _system = new();

    public override void Replay(Trace trace, Differ differ) =>
        Replay(trace, differ, machine => new SteppedKernel(_system, machine, new PriorityPolicy()));

    public override void Replay(MatrixRow row, Differ differ) =>
        Replay(row, differ, machine => new SteppedKernel(_system, machine, new PriorityPolicy()));

    public override void Dispose() => _system.Dispose();
}

/// <summary>The actors in random orders, compared with what is not order.</summary>
internal sealed class RandomWay(ConformanceOptions options, CancellationToken cancel) : Way("actors, random order", options)
{
    private readonly SteppedSystem _system = new();

    public override void Replay(Trace trace, Differ differ)
    {
        for (int seed = 0; seed < Options.Seeds; seed++)
        {
            cancel.ThrowIfCancellationRequested();
            OrderLog log = new(new RandomPolicy((ulong)seed));
            using ModelWorld world = new(trace.Header, Options.Profile, machine => new SteppedKernel(_system, machine, log));
            using AnyOrderReplay replay = new(trace, Options.Profile, world, log);
            replay.Run(differ, NewInvariants());
        }
    }

    // A row has one thread at a time: a run in which there was never anything to choose is the run of every seed.
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
