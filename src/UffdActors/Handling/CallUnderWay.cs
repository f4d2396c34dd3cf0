namespace UffdActors.Handling;

/// <summary>A call that was found under way.</summary>
/// <param name="Call">Whose.</param>
/// <param name="Count">Which of them.</param>
/// <param name="Name">What is being called.</param>
internal readonly record struct CallUnderWay(ForeignCall Call, int Count, string Name)
{
    /// <summary>True if it has not come back since.</summary>
    public bool IsStillUnderWay => Call.Count == Count;
}
