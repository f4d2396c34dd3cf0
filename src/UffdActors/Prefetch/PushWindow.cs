namespace UffdActors.Prefetch;

/// <summary>
/// How many chunks a background push asks for ahead: so many that a source with a latency costs throughput once and not for each chunk, and
/// fewer while threads fault, whose pages come by the same link.
/// </summary>
/// <param name="most">Chunks at most, at least 1.</param>
internal sealed class PushWindow(int most)
{
    // Threads that wait all the time shrink it for every chunk: with one chunk on its way each would cost a latency.
    private const int LeastUnderDemand = 8;

    /// <summary>Chunks that may be on their way or waiting to be installed.</summary>
    public int Chunks { get; private set; } = 1;

    /// <summary>True if nothing is ever asked for ahead.</summary>
    public bool IsOne => most == 1;

    /// <summary>A chunk has been installed without a demand in between.</summary>
    public void Grow() => Chunks = Math.Min(most, Chunks * 2);

    /// <summary>A thread has faulted: half as many, but a few at least.</summary>
    public void Shrink() => Chunks = Math.Max(Math.Min(Chunks, LeastUnderDemand), Chunks / 2);
}
