namespace UffdActors;

/// <summary>Pages of a region in one state.</summary>
/// <param name="FirstPage">First page of the region.</param>
/// <param name="Pages">Base pages.</param>
/// <param name="State">Their state.</param>
public readonly record struct PageStateRange(long FirstPage, long Pages, PageState State)
{
    /// <summary>Appends a range to those before it; two that meet in one state are one.</summary>
    internal static void Append(List<PageStateRange> states, PageStateRange next)
    {
        if (states.Count > 0 && states[^1].State == next.State) states[^1] = states[^1] with { Pages = states[^1].Pages + next.Pages };
        else states.Add(next);
    }
}
