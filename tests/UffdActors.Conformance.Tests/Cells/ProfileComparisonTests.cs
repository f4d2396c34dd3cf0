using UffdActors.Conformance.Cells;
using UffdActors.Model;

namespace UffdActors.Conformance.Tests.Cells;

/// <summary>Outside of the listed differences all profiles are equal.</summary>
public class ProfileComparisonTests
{
    [Fact]
    public void Profiles_differ_in_exactly_the_cells_that_the_listed_differences_predict()
    {
        CellTable[] tables = [.. KernelProfile.All.Select(p => CellTable.Of(p))];
        for (int left = 0; left < tables.Length; left++)
        {
            Assert.Empty(ProfileComparison.Of(tables[left], tables[left]).Differing);
            for (int right = left + 1; right < tables.Length; right++) AssertAsListed(ProfileComparison.Of(tables[left], tables[right]));
        }
    }

    private static void AssertAsListed(ProfileComparison comparison)
    {
        string names = $"{comparison.Left.Name} and {comparison.Right.Name}";
        Assert.True(comparison.Cells > 40_000);
        DifferingCell? unlisted = comparison.Differing.FirstOrDefault(d => d.Reason is null);
        Assert.True(
            unlisted is null,
            $"{names}: {comparison.Differing.Count(d => d.Reason is null)} cells differ that nothing predicts; one is {unlisted}");
        Assert.True(
            comparison.Unfounded.Count == 0,
            $"{names}: {comparison.Unfounded.Count} cells are predicted to differ and do not; the first is "
                + $"{string.Join(", ", comparison.Unfounded.Take(1))}");
        foreach (ListedDifference listed in ListedDifference.All)
        {
            bool concerns = (listed.Without, listed.With) == (comparison.Left.Shape, comparison.Right.Shape)
                || (listed.With, listed.Without) == (comparison.Left.Shape, comparison.Right.Shape);
            Assert.Equal(concerns, comparison.Differing.Any(d => d.Reason == listed));
        }
    }
}
