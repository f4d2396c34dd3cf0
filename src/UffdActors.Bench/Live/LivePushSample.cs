namespace UffdActors.Bench.Live;

/// <summary>What one repeat measured.</summary>
/// <param name="RawPagesPerSecond">Pages that a bare thread fills in chunks.</param>
/// <param name="PushPagesPerSecond">Pages that the push fills while vCPUs demand others.</param>
/// <param name="Demands">Demands raised meanwhile.</param>
/// <param name="UnloadedP99Nanoseconds">99th percentile of demands without a push.</param>
/// <param name="LoadedP99Nanoseconds">99th percentile of demands beside the push.</param>
/// <param name="ChunkNanoseconds">Time of the bare thread for a chunk, on average.</param>
/// <param name="ChunkP99Nanoseconds">99th percentile of that.</param>
internal sealed record LivePushSample(
    double RawPagesPerSecond, double PushPagesPerSecond, int Demands, double UnloadedP99Nanoseconds, double LoadedP99Nanoseconds,
    double ChunkNanoseconds, double ChunkP99Nanoseconds);
