namespace UffdActors.Stress;

/// <summary>A minimum that a run must have exercised.</summary>
/// <param name="What">What was counted.</param>
/// <param name="Least">How often it must have occurred.</param>
/// <param name="Met">How often it occurred.</param>
internal sealed record StressFloor(string What, long Least, long Met)
{
    /// <summary>It occurred often enough.</summary>
    public bool IsMet => Met >= Least;
}
