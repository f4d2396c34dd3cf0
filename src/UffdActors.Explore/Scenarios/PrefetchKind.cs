namespace UffdActors.Explore.Scenarios;

/// <summary>Which page a background push fetches next.</summary>
internal enum PrefetchKind
{
    /// <summary>From the first to the last (<see cref="LinearOrder"/>).</summary>
    Linear,

    /// <summary>Behind the newest demand (<see cref="LocalityOrder"/>).</summary>
    Locality,

    /// <summary>Around the newest demand (<see cref="BubbleOrder"/>).</summary>
    Bubble,
}
