namespace UffdActors.Explore.Faults;

/// <summary>Whether a visit of a fault point injected its fault.</summary>
internal enum FaultOutcome
{
    /// <summary>The point was passed without a fault.</summary>
    Passed,

    /// <summary>The fault happened.</summary>
    Happened,
}
