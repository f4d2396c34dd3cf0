namespace UffdActors.Serve.Content;

/// <summary>
/// The reads of one session that wait for a disk: those of demands first, a few at a time, so that one session does not take all threads.
/// </summary>
/// <param name="pool">The threads.</param>
/// <param name="most">Reads at a time, at least 1.</param>
internal sealed class ReadLane(ReadPool pool, int most = ReadLane.Most)
{
    /// <summary>Reads at a time of a session.</summary>
    public const int Most = 8;

    // All of this in the pool's lock.
    private readonly Queue<IDiskRead> _demands = new();
    private readonly Queue<IDiskRead> _pushes = new();
    private int _running;

    /// <summary>True while the lane is among those that the pool has work of.</summary>
    public bool IsReady { get; set; }

    /// <summary>True if a read of it may begin.</summary>
    public bool CanBegin => _running < most && _demands.Count + _pushes.Count > 0;

    /// <summary>Adds a read; some thread of the pool runs it.</summary>
    public void Add(IDiskRead read, Urgency urgency) => pool.Add(this, read, urgency);

    /// <summary>For the pool: takes a read in.</summary>
    public void Put(IDiskRead read, Urgency urgency) => (urgency == Urgency.Demand ? _demands : _pushes).Enqueue(read);

    /// <summary>For the pool: begins a read.</summary>
    public IDiskRead Begin()
    {
        _running++;
        return _demands.TryDequeue(out IDiskRead? read) ? read : _pushes.Dequeue();
    }

    /// <summary>For the pool: a read has ended.</summary>
    public void End() => _running--;
}
