namespace UffdActors.Serve;

/// <summary>Counters of a content cache since it was made.</summary>
/// <param name="Hits">Orders that were answered out of it at once.</param>
/// <param name="Misses">Orders that had to wait until something was fetched.</param>
/// <param name="Fetches">Chunks that were fetched.</param>
/// <param name="BytesFetched">Bytes that were asked for then.</param>
/// <param name="Evicted">Chunks that were dropped to make room.</param>
/// <param name="BytesHeld">Bytes of content that it holds now.</param>
public sealed record ContentCacheFigures(long Hits, long Misses, long Fetches, long BytesFetched, long Evicted, long BytesHeld);
