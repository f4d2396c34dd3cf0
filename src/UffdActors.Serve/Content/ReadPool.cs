namespace UffdActors.Serve.Content;

/// <summary>
/// Threads that wait for disks, so that no fault loop does. Sessions have their turns one read each. A thread is there while there is work
/// for it, and a few seconds longer.
/// </summary>
/// <param name="most">Threads at the most: reads that are under way at a time.</param>
internal sealed class ReadPool(int most)
{
    // As many as a fast disk can use; each costs a stack.
    private const int SharedThreads = 32;
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(3);

    // A Monitor, for its threads wait in it.
    private readonly object _gate = new();
    private readonly Queue<ReadLane> _ready = new();
    private int _threads;
    private int _idle;

    /// <summary>The one of this process.</summary>
    public static ReadPool Shared { get; } = new(SharedThreads);

    /// <summary>Threads that there are.</summary>
    public int Threads
    {
        get
        {
            lock (_gate) return _threads;
        }
    }

    /// <summary>Adds a read of a lane.</summary>
    public void Add(ReadLane lane, IDiskRead read, Urgency urgency)
    {
        lock (_gate)
        {
            lane.Put(read, urgency);
            Offer(lane);
        }
    }

    private void Offer(ReadLane lane)
    {
        if (lane.IsReady || !lane.CanBegin) return;
        lane.IsReady = true;
        _ready.Enqueue(lane);
        if (_ready.Count <= _idle)
        {
            Monitor.Pulse(_gate);
        }
        else if (_threads < most)
        {
            _threads++;
            new Thread(Work) { IsBackground = true, Name = "uffd-read" }.Start();
        }
    }

    private void Work()
    {
        while (Next() is var (lane, read))
        {
            read.Run();
            lock (_gate)
            {
                lane.End();
                Offer(lane);
            }
        }
    }

    private (ReadLane Lane, IDiskRead Read)? Next()
    {
        lock (_gate)
        {
            while (true)
            {
                if (_ready.TryDequeue(out ReadLane? lane))
                {
                    lane.IsReady = false;
                    IDiskRead read = lane.Begin();
                    Offer(lane);
                    return (lane, read);
                }

                _idle++;
                bool isCalled = Monitor.Wait(_gate, IdleTime);
                _idle--;
                if (isCalled || _ready.Count > 0) continue;
                _threads--;
                return null;
            }
        }
    }
}
