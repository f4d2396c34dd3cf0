using UffdActors.Conformance.Programs;

namespace UffdActors.Conformance.Replay;

/// <summary>Executes a trace in the model and compares every step.</summary>
internal static class TraceReplay
{
    /// <summary>Replays a trace.</summary>
    /// <param name="trace">Steps and what they are to show.</param>
    /// <param name="model">A new model.</param>
    /// <param name="differ">Compares, and counts.</param>
    /// <param name="invariants">Checked after every step; null for none.</param>
    /// <returns>What differed.</returns>
    /// <exception cref="TraceFormatException">A step is impossible at its place.</exception>
    public static IReadOnlyList<Mismatch> Run(Trace trace, ModelExecutor model, Differ differ, KernelInvariants? invariants = null)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(differ);
        for (int i = 0; i < trace.Steps.Count; i++)
        {
            TraceStep step = trace.Steps[i];
            if (!model.CanExecute(step.Step))
            {
                // After a difference, model and trace are in different states: a step may be impossible in the model's.
                if (differ.Mismatches.Count > 0) break;
                throw CannotExecute(trace, i);
            }

            differ.Compare(step.Step.Index, step.Expected, model.Execute(step.Step));
            invariants?.Check(step.Step, model, differ);
        }

        return differ.Mismatches;
    }

    /// <summary>A step that no kernel could have recorded at its place.</summary>
    internal static TraceFormatException CannotExecute(Trace trace, int position) =>
        new(trace.Name, position + 2, "the step cannot be executed: its thread is busy, or what it names is not there");
}
