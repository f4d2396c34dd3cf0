using UffdActors.Conformance.Shrinking;

namespace UffdActors.Conformance.Tests;

/// <summary>The shrinker leaves what is needed, and nothing else.</summary>
public class ShrinkerTests
{
    [Fact]
    public void Of_a_list_only_the_pieces_stay_that_are_needed()
    {
        IReadOnlyList<int> all = [.. Enumerable.Range(0, 100)];
        IReadOnlyList<int> left = Shrinker.ShrinkChoices(
            all, list => list.Contains(3) && list.Contains(71) && list.Contains(72), recordLength: 1);
        Assert.Equal([3, 71, 72], left);
    }

    [Fact]
    public void Choices_go_by_records_and_become_as_small_as_they_can()
    {
        IReadOnlyList<int> all = [.. Enumerable.Range(0, 64).Select(i => i * 7)];
        IReadOnlyList<int> left = Shrinker.ShrinkChoices(all, list => list.Count >= 4 && list[2] >= 10, recordLength: 4);
        Assert.Equal([0, 0, 10, 0], left);
    }

    [Fact]
    public void A_bound_on_the_attempts_ends_the_search()
    {
        int tried = 0;
        _ = Shrinker.ShrinkChoices(
            [.. Enumerable.Range(0, 1000)], list => ++tried > 0 && list.Contains(5), recordLength: 1, attempts: 10);
        Assert.Equal(10, tried);
    }
}
