namespace UffdActors.Pictures.History;

/// <summary>A figure at each moment of <see cref="RunHistory.Moments"/>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Unit">Its unit, as in "pages".</param>
/// <param name="IsCount">True if it only grows, so that its slope is a rate; false if it is a level.</param>
/// <param name="Values">A value a moment.</param>
internal sealed record RunSeries(string Name, string Unit, bool IsCount, IReadOnlyList<long> Values)
{
    /// <summary>The value at the end; 0 if it was never looked at.</summary>
    public long Last => Values.Count == 0 ? 0 : Values[^1];
}
