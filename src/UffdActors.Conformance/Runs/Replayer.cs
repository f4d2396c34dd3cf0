using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Matrices;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Model;
using UffdActors.Model.Turns;

namespace UffdActors.Conformance.Runs;

/// <summary>One way of running recordings. To be used by the thread that made it only.</summary>
internal abstract class Replayer(string name, ConformanceOptions options) : IDisposable
{
    public string Name { get; } = name;

    protected ConformanceOptions Options { get; } = options;

    public abstract void Replay(Trace trace, Differ differ);

    public abstract void Replay(MatrixRow row, Differ differ);

    public abstract void Dispose();

    protected KernelInvariants? NewInvariants() => Options.ChecksInvariants ? new KernelInvariants() : null;

    protected void Replay(Trace trace, Differ differ, Func<Machine, IKernel> makeKernel)
    {
        using ModelExecutor model = new(trace.Header, Options.Profile, makeKernel);
        _ = TraceReplay.Run(trace, model, differ, NewInvariants());
    }

    protected void Replay(MatrixRow row, Differ differ, Func<Machine, IKernel> makeKernel)
    {
        using ModelExecutor model = new(ProgramGenerator.Header, Options.Profile, makeKernel);
        if (NewInvariants() is { } invariants) model.Executed += step => invariants.Check(step, model, differ);
        row.Compare(differ, row.Execute(model, ProgramGenerator.Header));
    }
}
