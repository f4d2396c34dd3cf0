namespace UffdActors.Serve.Caching;

/// <summary>Where a chunk of the cache is.</summary>
internal enum ChunkState
{
    /// <summary>It waits for its turn to be fetched.</summary>
    Queued,

    /// <summary>It has been asked for.</summary>
    Fetching,

    /// <summary>It is there.</summary>
    Ready,

    /// <summary>It was evicted, or could not be fetched.</summary>
    Gone,
}
