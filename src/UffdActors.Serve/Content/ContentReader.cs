namespace UffdActors.Serve.Content;

/// <summary>A session as one that reads content.</summary>
/// <param name="Reads">What it has cost.</param>
/// <param name="Lane">Its reads that wait for a disk.</param>
internal sealed record ContentReader(ContentReads Reads, ReadLane Lane);
