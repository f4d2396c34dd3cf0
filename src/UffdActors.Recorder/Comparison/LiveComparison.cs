using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Recorder.Execution;

namespace UffdActors.Recorder.Comparison;

/// <summary>Compares the kernel of this machine with the model, program by program, step by step.</summary>
internal sealed class LiveComparison : IDisposable
{
    private readonly ProgramProcess _process;
    private readonly LiveConditions _conditions;

    /// <summary>Makes it.</summary>
    /// <param name="process">Where programs are executed; disposed of with this.</param>
    /// <param name="conditions">The machine.</param>
    public LiveComparison(ProgramProcess process, LiveConditions conditions)
    {
        _process = process ?? throw new ArgumentNullException(nameof(process));
        _conditions = conditions ?? throw new ArgumentNullException(nameof(conditions));
    }

    /// <summary>Programs executed so far.</summary>
    public long Programs { get; private set; }

    /// <summary>Steps executed so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Fields compared so far.</summary>
    public long Fields { get; private set; }

    /// <summary>Executes a program as far as it can be executed here, and compares.</summary>
    /// <returns>The first difference; null if there is none.</returns>
    public LiveDifference? Compare(Trace program)
    {
        ArgumentNullException.ThrowIfNull(program);
        Trace prepared = LiveProgram.Prepare(program, _conditions);
        List<TraceStep> recorded = [];
        Differ differ = new(program.Name);
        Programs++;
        Mismatch? problem = Execute(prepared, fresh: false, (step, shown) =>
        {
            recorded.Add(new TraceStep(step.Step, shown));
            differ.Compare(step.Step.Index, step.Expected, shown);
            return differ.Mismatches.Count == 0;
        });
        Fields += differ.Fields;
        problem ??= differ.Mismatches.Count > 0 ? differ.Mismatches[0] : null;
        return problem is null ? null : new LiveDifference(prepared, prepared with { Steps = recorded }, problem);
    }

    /// <summary>Records what a program shows on this kernel.</summary>
    /// <param name="prepared">The program.</param>
    /// <param name="problem">Why the recording ends before the program does; null if it is complete.</param>
    public Trace Record(Trace prepared, out Mismatch? problem)
    {
        ArgumentNullException.ThrowIfNull(prepared);
        List<TraceStep> recorded = [];
        problem = Execute(prepared, fresh: true, (step, shown) =>
        {
            recorded.Add(new TraceStep(step.Step, shown));
            return true;
        });
        return prepared with { Steps = recorded };
    }

    /// <summary>Ends the process.</summary>
    public void Dispose() => _process.Dispose();

    private Mismatch? Execute(Trace program, bool fresh, Func<TraceStep, Observation, bool> onStep)
    {
        _process.Begin(program.Header, fresh);
        foreach (TraceStep step in program.Steps)
        {
            Steps++;
            StepOutcome outcome = _process.Execute(step.Step);
            if (outcome.Observed is null)
                return new Mismatch(program.Name, step.Step.Index, "end", "the step comes back", outcome.Problem!);
            if (!onStep(step, outcome.Observed)) return null;
        }

        return null;
    }
}
