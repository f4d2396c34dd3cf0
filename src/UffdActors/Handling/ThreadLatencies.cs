namespace UffdActors.Handling;

/// <summary>
/// How long each thread waits for its pages. A thread waits for one page at a time; those that wait for the same request are a chain. The
/// first fault of a thread allocates its histogram, and no later one anything.
/// </summary>
/// <param name="observer">Told of each wait that is over, with the thread's id; null for none.</param>
/// <remarks>In turns of the context's actor.</remarks>
internal sealed class ThreadLatencies(Action<(int Thread, FaultTrace Fault)>? observer = null)
{
    /// <summary>Threads that are kept apart; those that come later are not recorded.</summary>
    public const int Most = 4096;

    private readonly Dictionary<uint, ThreadWait> _threads = [];

    /// <summary>A fault of a thread has been read.</summary>
    /// <param name="thread">Its id; 0 if it is not known, which is not recorded.</param>
    /// <param name="request">What it waits for.</param>
    /// <param name="now">Nanoseconds.</param>
    public void Begin(uint thread, PageRequest request, long now)
    {
        if (thread == 0) return;
        if (!_threads.TryGetValue(thread, out ThreadWait? wait))
        {
            if (_threads.Count == Most) return;
            _threads.Add(thread, wait = new ThreadWait((int)thread, observer));
        }

        // It has gone on and faults again before it is known here that the request before is over.
        if (wait.Request is { } earlier) wait.End(earlier.Woken != 0 ? earlier.Woken : now);
        wait.Begin(request, now);
    }

    /// <summary>A request is over, and its threads have been woken.</summary>
    public static void End(PageRequest request, long now)
    {
        while (request.Waiting is { } wait) wait.End(request.Woken != 0 ? request.Woken : now);
    }

    /// <summary>What has been recorded so far, by thread.</summary>
    public IReadOnlyList<FaultLatency> Snapshot() =>
        [.. _threads.OrderBy(t => t.Key).Select(t => t.Value.Snapshot()).Where(l => l.Faults > 0)];
}
