using UffdActors.Model;

namespace UffdActors.Conformance.Cells;

/// <summary>Comparison of two kernels in every cell.</summary>
/// <param name="Left">The first.</param>
/// <param name="Right">The second.</param>
/// <param name="Cells">Cells that were executed in both.</param>
/// <param name="Differing">Those in which they differ.</param>
/// <param name="Unfounded">Cells that a listed difference claims although both answers are the same: a mistake in the list.</param>
internal sealed record ProfileComparison(
    KernelProfile Left, KernelProfile Right, int Cells, IReadOnlyList<DifferingCell> Differing, IReadOnlyList<Cell> Unfounded)
{
    /// <summary>Compares two kernels.</summary>
    public static ProfileComparison Of(CellTable left, CellTable right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        List<DifferingCell> differing = [];
        List<Cell> unfounded = [];
        for (int i = 0; i < left.Cells.Count; i++)
        {
            Cell cell = left.Cells[i];
            (CellAnswer a, CellAnswer b) = (left.Answers[i], right.Answers[i]);
            ListedDifference? reason = ListedDifference.Find(cell, left.Profile.Shape, a, right.Profile.Shape, b);
            // A state that neither can reach is no difference, even if different steps failed.
            bool same = a == b || (!a.IsReachable && !b.IsReachable);
            if (!same) differing.Add(new DifferingCell(cell, a, b, reason));
            else if (reason is not null) unfounded.Add(cell);
        }

        return new ProfileComparison(left.Profile, right.Profile, left.Cells.Count, differing, unfounded);
    }
}
