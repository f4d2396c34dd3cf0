namespace UffdActors;

/// <summary>Pages of a region in one state.</summary>
/// <param name="FirstPage">First page of the region.</param>
/// <param name="Pages">Base pages.</param>
/// <param name="State">Their state.</param>
public readonly record struct PageStateRange(long FirstPage, long Pages, PageState State);
