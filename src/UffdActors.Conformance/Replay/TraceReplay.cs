using UffdActors.Conformance.Programs;

namespace UffdActors.Conformance.Replay;

/// <summary>Executes a trace in a world and compares every step.</summary>
internal static class TraceReplay
{
    /// <summary>Replays a trace.</summary>
    /// <param name="trace">Steps and what they are to show.</param>
    /// <param name="world">A new world.</param>
    /// <param name="differ">Compares, and counts.</param>
    /// <param name="invariants">Checked after every step; null for none.</param>
    /// <returns>What differed.</returns>
    /// <exception cref="TraceFormatException">A step makes no sense where it stands.</exception>
    public static IReadOnlyList<Mismatch> Run(Trace trace, ModelExecutor world, Differ differ, KernelInvariants? invariants = null)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(world);
        ArgumentNullException.ThrowIfNull(differ);
        for (int i = 0; i < trace.Steps.Count; i++)
        {
            TraceStep step = trace.Steps[i];
            if (!world.CanExecute(step.Step))
            {
                // After one difference the worlds are in different states: a step may then make no sense in this one.
                if (differ.Mismatches.Count > 0) break;
                throw CannotExecute(trace, i);
            }

            differ.Compare(step.Step.Index, step.Expected, world.Execute(step.Step));
            invariants?.Check(step.Step, world, differ);
        }

        return differ.Mismatches;
    }

    /// <summary>A step that no kernel could have recorded where it stands.</summary>
    internal static TraceFormatException CannotExecute(Trace trace, int position) =>
        new(trace.Name, position + 2, "the step cannot be executed: its thread is busy, or what it names is not there");
}
