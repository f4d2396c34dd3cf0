namespace UffdActors.Handling;

/// <summary>How the faults of a region are resolved.</summary>
internal enum ResolveBy
{
    /// <summary>Missing pages are copied in, or mapped as zero pages.</summary>
    Copy,

    /// <summary>Pages of the cache are written through an alias and then mapped.</summary>
    Continue,

    /// <summary>Pages of the cache are right as they are, and only mapped.</summary>
    ContinueAsIs,
}
