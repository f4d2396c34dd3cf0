using UffdActors.Model;

namespace UffdActors.Conformance.Cells;

/// <summary>An answered question: what the model does, why, and where a real kernel was recorded to do it.</summary>
/// <param name="Profile">Kernel.</param>
/// <param name="Cell">Question.</param>
/// <param name="Answer">What the model does.</param>
/// <param name="Rule">Why.</param>
/// <param name="Recorded">A recorded row or step that shows what Linux 6.18 does; null if none does.</param>
internal sealed record AskAnswer(KernelProfile Profile, Cell Cell, CellAnswer Answer, CellRule Rule, RecordedCell? Recorded)
{
    /// <summary>
    /// True if the recording agrees with the answer: a profile other than the recorded one may differ, and then the output says so.
    /// </summary>
    public bool IsAsRecorded => Recorded?.Shows(Answer) == true;

    /// <summary>Asks.</summary>
    /// <param name="profile">Kernel.</param>
    /// <param name="cell">Question.</param>
    /// <param name="rows">Recorded rows, searched first: each was recorded for a single question.</param>
    /// <param name="steps">Recorded steps.</param>
    /// <exception cref="Programs.ConformanceDataException">The recordings cannot be read.</exception>
    /// <exception cref="Programs.TraceFormatException">A trace violates the format.</exception>
    public static AskAnswer Of(KernelProfile profile, Cell cell, RecordedCells rows, RecordedSteps steps)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(steps);
        CellAnswer answer = CellRun.Of(profile, cell);
        return new AskAnswer(profile, cell, answer, CellRule.Of(cell, answer), rows.Find(cell) ?? steps.Find(cell));
    }
}
