namespace UffdActors.Serve.Content;

/// <summary>A session, as a reader of content.</summary>
/// <param name="Reads">Its read counters.</param>
/// <param name="Lane">Its reads that wait for a disk.</param>
internal sealed record ContentReader(ContentReads Reads, ReadLane Lane);
