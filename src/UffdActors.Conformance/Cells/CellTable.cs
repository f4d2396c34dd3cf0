using UffdActors.Model;

namespace UffdActors.Conformance.Cells;

/// <summary>A kernel's answers to all cells.</summary>
/// <param name="Profile">The kernel.</param>
/// <param name="Cells">The questions.</param>
/// <param name="Answers">The answers, in the order of the questions.</param>
internal sealed record CellTable(KernelProfile Profile, IReadOnlyList<Cell> Cells, IReadOnlyList<CellAnswer> Answers)
{
    /// <summary>Executes every cell.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static CellTable Of(KernelProfile profile, CancellationToken cancel = default)
    {
        Cell[] cells = [.. Cell.All()];
        var answers = new CellAnswer[cells.Length];
        // Scenes share no state, so the result does not depend on which thread executes which.
        _ = Parallel.For(
            0, cells.Length, new ParallelOptions { CancellationToken = cancel }, i => answers[i] = CellRun.Of(profile, cells[i]));
        return new CellTable(profile, cells, answers);
    }
}
