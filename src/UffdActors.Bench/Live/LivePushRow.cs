namespace UffdActors.Bench.Live;

/// <summary>One number of vCPUs; percentiles are of the accesses as the vCPUs saw them.</summary>
/// <param name="Vcpus">vCPUs.</param>
/// <param name="RawPagesPerSecond">Pages that a bare thread fills in the same chunks.</param>
/// <param name="PushPagesPerSecond">Pages that the push fills while the vCPUs demand others.</param>
/// <param name="PushOverRaw">The one over the other, repeat by repeat.</param>
/// <param name="Demands">Demands raised during the push.</param>
/// <param name="ChunkNanoseconds">Time of the bare thread for a chunk, on average.</param>
/// <param name="ChunkP99Nanoseconds">99th percentile of that.</param>
/// <param name="UnloadedP99Nanoseconds">99th percentile of demands without a push.</param>
/// <param name="LoadedP99Nanoseconds">99th percentile of demands beside the push.</param>
/// <param name="LoadedP99OverBound">
/// That over the sum of the two 99th percentiles before: at most 1 if a demand waits behind one chunk at the most.
/// </param>
internal sealed record LivePushRow(
    int Vcpus,
    Spread RawPagesPerSecond,
    Spread PushPagesPerSecond,
    Spread PushOverRaw,
    Spread Demands,
    Spread ChunkNanoseconds,
    Spread ChunkP99Nanoseconds,
    Spread UnloadedP99Nanoseconds,
    Spread LoadedP99Nanoseconds,
    Spread LoadedP99OverBound)
{
    internal static LivePushRow Of(LivePushCell cell)
    {
        return new LivePushRow(
            cell.Vcpus,
            Figure(s => s.RawPagesPerSecond),
            Figure(s => s.PushPagesPerSecond),
            Figure(s => s.PushPagesPerSecond / s.RawPagesPerSecond),
            Figure(s => s.Demands),
            Figure(s => s.ChunkNanoseconds),
            Figure(s => s.ChunkP99Nanoseconds),
            Figure(s => s.UnloadedP99Nanoseconds),
            Figure(s => s.LoadedP99Nanoseconds),
            Figure(s => s.LoadedP99Nanoseconds / (s.UnloadedP99Nanoseconds + s.ChunkP99Nanoseconds)));

        Spread Figure(Func<LivePushSample, double> of) => Spread.Of(cell.Repeats.Select(of));
    }
}
