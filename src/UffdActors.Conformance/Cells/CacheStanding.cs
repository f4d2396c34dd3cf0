namespace UffdActors.Conformance.Cells;

/// <summary>What the cache of a file holds for a page.</summary>
internal enum CacheStanding
{
    /// <summary>Anonymous memory has no cache.</summary>
    None,

    /// <summary>Nothing.</summary>
    Hole,

    /// <summary>A page that was only allocated, and never used.</summary>
    Allocated,

    /// <summary>A page.</summary>
    Page,

    /// <summary>Nothing, and the file ends before it.</summary>
    BeyondEnd,
}
