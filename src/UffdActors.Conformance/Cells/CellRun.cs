using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations;

namespace UffdActors.Conformance.Cells;

/// <summary>Answers a cell by executing it in the model, in scenes of its own.</summary>
internal static class CellRun
{
    /// <summary>Executes a cell.</summary>
    /// <param name="profile">Kernel.</param>
    /// <param name="cell">Question.</param>
    public static CellAnswer Of(KernelProfile profile, Cell cell)
    {
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(cell);
        CellAnswer answer;
        using (CellScene scene = new(profile, cell))
        {
            string failure = scene.Prepare();
            if (failure.Length > 0) return CellAnswer.Unreachable(failure);
            string entry = scene.EntryText();
            string cache = scene.CacheText();
            (string result, string outField) = scene.Do();
            answer = new CellAnswer("", result, outField, entry, scene.EntryText(), cache, scene.CacheText(), "", "");
        }

        if (cell.Operation.IsAccess || cell.Operation.Call == CellCall.Register) return answer;
        return answer with { Reader = Waiter(profile, cell, AccessKind.Read), Writer = Waiter(profile, cell, AccessKind.Write) };
    }

    // The same once more, with a thread asleep at the page and its message read.
    private static string Waiter(KernelProfile profile, Cell cell, AccessKind kind)
    {
        using CellScene scene = new(profile, cell);
        if (scene.Prepare().Length > 0) return "";
        Access access = scene.Touch(1, kind);
        if (access.IsFinished || access.IsSpinning) return "";
        scene.ReadMessages();
        _ = scene.Do();
        if (access.IsFinished) return "woken, " + CellScene.OutcomeOf(access);
        return scene.Pending > 0 ? "woken, faults again " + CellScene.OutcomeOf(access) : "sleeps on";
    }
}
