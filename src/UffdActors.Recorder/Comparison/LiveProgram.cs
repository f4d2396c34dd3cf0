using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Model.Turns;

namespace UffdActors.Recorder.Comparison;

/// <summary>
/// Turns any program into one that a managed process can execute on this machine, with the model's results as expectations. Left
/// out: forks (managed code must not run in a forked child), huge pages where there are none, calls in which the main thread itself would
/// sleep, and accesses that spin for ever (SEMANTICS 4.6.2). An access that would end in a signal is made in kernel mode, where it ends in
/// EFAULT.
/// </summary>
internal static class LiveProgram
{
    private const int Accessors = 4;

    /// <summary>Prepares a program.</summary>
    /// <param name="program">Its steps; their expected results are ignored.</param>
    /// <param name="conditions">The machine.</param>
    public static Trace Prepare(Trace program, LiveConditions conditions)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(conditions);
        TraceHeader header = program.Header with { Kernel = conditions.Release, FaultAroundBytes = conditions.FaultAroundBytes };
        Dictionary<int, Change> changes = [];
        while (true)
        {
            // One change can make another necessary, so the program is tried until it needs none.
            List<TraceStep> steps = [];
            if (Try(program, header, conditions, changes, steps)) return new Trace(program.Name, header, steps);
        }
    }

    private static bool Try(
        Trace program, TraceHeader header, LiveConditions conditions, Dictionary<int, Change> changes, List<TraceStep> steps)
    {
        using ModelExecutor executor = new(header, conditions.Profile, _ => new SequentialKernel());
        Dictionary<int, int> origins = [];
        for (int i = 0; i < program.Steps.Count; i++)
        {
            Change change = changes.GetValueOrDefault(i);
            ProgramStep step = program.Steps[i].Step with { Index = steps.Count };
            if (change == Change.LeaveOut || !IsExecutable(step, conditions) || step.Op == ProgramOp.Final || !executor.CanExecute(step)
                || ReadsUnflushed(step, executor)) continue;
            if (change == Change.KernelMode) step = step with { Kind = "k" + step.Kind };
            // The thread of a signal step is its target, not its executor.
            if (step is { Thread: { } thread, Op: not ProgramOp.Signal }) origins[thread] = i;
            if (!Execute(executor, step, steps, i, origins, changes)) return false;
        }

        foreach (ProgramStep ending in ProgramEnding.Of(executor))
        {
            if (!Execute(executor, ending with { Index = steps.Count }, steps, -1, origins, changes)) return false;
        }

        foreach ((int thread, int origin) in origins)
        {
            if (executor.Busy(thread) is null) continue;
            // The thread would never be woken: its own call keeps the context open.
            changes[origin] = Change.LeaveOut;
            return false;
        }

        return true;
    }

    private static bool Execute(
        ModelExecutor executor, ProgramStep step, List<TraceStep> steps, int origin, Dictionary<int, int> origins,
        Dictionary<int, Change> changes)
    {
        Observation shown = executor.Execute(step);
        if (step.Thread is null && shown.Result == "blocked")
        {
            changes[origin] = Change.LeaveOut;
            return false;
        }

        if (IsSignal(shown)) changes[origin] = Change.KernelMode;
        foreach (FinishedThread finished in shown.Finished ?? [])
        {
            if (IsSignal(finished.Result)) changes[origins[finished.Thread]] = Change.KernelMode;
        }

        foreach ((int thread, int start) in origins)
        {
            if (executor.Busy(thread) is { Wait: "livelock" }) changes[start] = Change.LeaveOut;
        }

        steps.Add(new TraceStep(step, shown));
        return !IsSignal(shown) && !(shown.Finished ?? []).Any(f => IsSignal(f.Result))
            && !origins.Keys.Any(t => executor.Busy(t) is { Wait: "livelock" });
    }

    private static bool IsSignal(Observation shown) => shown.Result is { } result && result.StartsWith("sig", StringComparison.Ordinal);

    // What such a step finds depends on what the CPU still has in its TLB, which nothing here can tell (SEMANTICS 6.7.9).
    private static bool ReadsUnflushed(ProgramStep step, ModelExecutor executor) => step.Op switch
    {
        ProgramOp.Access => executor.IsUnflushed(step.Address),
        ProgramOp.Copy => executor.IsUnflushed(step.Other) || executor.IsUnflushed(step.Other + step.Length - 1),
        _ => false,
    };

    private static bool IsExecutable(ProgramStep step, LiveConditions conditions) =>
        step.Op is not (ProgramOp.Fork or ProgramOp.Exit) && step.Thread is not >= Accessors
        && (conditions.HugePages || !step.Kind.StartsWith("htlb", StringComparison.Ordinal));

    private enum Change
    {
        None,
        KernelMode,
        LeaveOut,
    }
}
