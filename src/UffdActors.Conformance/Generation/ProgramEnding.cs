using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;

namespace UffdActors.Conformance.Generation;

/// <summary>
/// What ends every program (trace format 5.5): unread events are read, blocked readers get a signal, handles are closed, children exit.
/// </summary>
internal static class ProgramEnding
{
    /// <summary>
    /// The steps, each made for the state after the previous one: execute one, then ask for the next.
    /// </summary>
    public static IEnumerable<ProgramStep> Of(ModelExecutor model)
    {
        ArgumentNullException.ThrowIfNull(model);
        while (model.Handles.FirstOrDefault(h => h.HasMessages && model.HasUnreadEvents(h.Number), new HandleState(-1, false, false, false))
            is { Number: >= 0 } unread)
            yield return new ProgramStep(ProgramOp.Read) { Handle = unread.Number, Value = 512 };
        foreach (int thread in model.Threads.Where(t => model.Busy(t) is { Wait: "read" }).ToArray())
            yield return new ProgramStep(ProgramOp.Signal) { Thread = thread };
        foreach (HandleState handle in model.Handles.ToArray()) yield return new ProgramStep(ProgramOp.Close) { Handle = handle.Number };
        foreach (int child in model.Children.ToArray())
        {
            // A child that spins (SEMANTICS 4.6.2) never comes to its exit.
            if (model.Busy(child) is null) yield return new ProgramStep(ProgramOp.Exit) { Thread = child };
        }

        yield return new ProgramStep(ProgramOp.Final);
    }
}
