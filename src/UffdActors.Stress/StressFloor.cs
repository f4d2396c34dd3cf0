namespace UffdActors.Stress;

/// <summary>Something that a run must have exercised.</summary>
/// <param name="What">What was counted.</param>
/// <param name="Least">How often it must have come.</param>
/// <param name="Met">How often it came.</param>
internal sealed record StressFloor(string What, long Least, long Met)
{
    /// <summary>It came often enough.</summary>
    public bool IsMet => Met >= Least;
}
