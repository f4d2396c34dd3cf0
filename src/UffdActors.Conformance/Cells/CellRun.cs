using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations;

namespace UffdActors.Conformance.Cells;

/// <summary>Answers a cell by executing it in the model, in small worlds of its own.</summary>
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
        using (CellScene world = new(profile, cell))
        {
            string failure = world.Prepare();
            if (failure.Length > 0) return CellAnswer.Unreachable(failure);
            string entry = world.EntryText();
            string cache = world.CacheText();
            (string result, string outField) = world.Do();
            answer = new CellAnswer("", result, outField, entry, world.EntryText(), cache, world.CacheText(), "", "");
        }

        if (cell.Operation.IsAccess || cell.Operation.Call == CellCall.Register) return answer;
        return answer with { Reader = Waiter(profile, cell, AccessKind.Read), Writer = Waiter(profile, cell, AccessKind.Write) };
    }

    // The same once more, with a thread asleep at the page and its message read.
    private static string Waiter(KernelProfile profile, Cell cell, AccessKind kind)
    {
        using CellScene world = new(profile, cell);
        if (world.Prepare().Length > 0) return "";
        Access access = world.Touch(1, kind);
        if (access.IsFinished || access.IsSpinning) return "";
        world.ReadMessages();
        _ = world.Do();
        if (access.IsFinished) return "woken, " + CellScene.OutcomeOf(access);
        return world.Pending > 0 ? "woken, faults again " + CellScene.OutcomeOf(access) : "sleeps on";
    }
}
