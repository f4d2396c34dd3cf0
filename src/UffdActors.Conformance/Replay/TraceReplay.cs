using UffdActors.Conformance.Programs;

namespace UffdActors.Conformance.Replay;

/// <summary>Executes a trace in a world and compares every step.</summary>
public static class TraceReplay
{
    /// <summary>Replays a trace.</summary>
    /// <param name="trace">Steps and what they are to show.</param>
    /// <param name="world">A new world.</param>
    /// <param name="differ">Compares, and counts.</param>
    /// <returns>What differed.</returns>
    public static IReadOnlyList<Mismatch> Run(Trace trace, ModelWorld world, Differ differ)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(world);
        ArgumentNullException.ThrowIfNull(differ);
        foreach (TraceStep step in trace.Steps)
        {
            // After one difference the worlds are in different states: a step may then make no sense in this one.
            if (differ.Mismatches.Count > 0 && !world.CanExecute(step.Step)) break;
            differ.Compare(step.Step.Index, step.Expected, world.Execute(step.Step));
        }

        return differ.Mismatches;
    }
}
