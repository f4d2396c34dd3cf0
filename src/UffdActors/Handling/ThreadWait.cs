using HdrHistogram;

namespace UffdActors.Handling;

/// <summary>The waits of one thread, and its place among those that wait for one request.</summary>
/// <param name="thread">Its id.</param>
/// <param name="observer">Told of each wait that is over; null for none.</param>
internal sealed class ThreadWait(int thread, Action<(int Thread, FaultTrace Fault)>? observer)
{
    private const long LongestNanoseconds = 60_000_000_000;

    private readonly LongHistogram _latency = new(1, LongestNanoseconds, 2);
    private ThreadWait? _before;
    private ThreadWait? _behind;
    private long _since;
    private long _blocked;

    /// <summary>What it waits for; null if it does not.</summary>
    public PageRequest? Request { get; private set; }

    /// <summary>It waits from now on.</summary>
    public void Begin(PageRequest request, long now)
    {
        Request = request;
        _since = now;
        _behind = request.Waiting;
        if (_behind is not null) _behind._before = this;
        request.Waiting = this;
    }

    /// <summary>It has been woken.</summary>
    public void End(long now)
    {
        long waited = Math.Max(0, now - _since);
        _blocked += waited;
        _latency.RecordValue(Math.Min(waited, LongestNanoseconds));
        observer?.Invoke((thread, TraceOf(Request!, _since + waited)));
        if (_before is null) Request!.Waiting = _behind;
        else _before._behind = _behind;
        if (_behind is not null) _behind._before = _before;
        _before = _behind = null;
        Request = null;
    }

    /// <summary>What has been recorded so far.</summary>
    public FaultLatency Snapshot() => new(thread, _latency.TotalCount, _blocked, At(50), At(99), At(100));

    // What the thread did before its fault was read, and when it ran again, is not seen.
    private FaultTrace TraceOf(PageRequest request, long woken)
    {
        FaultTrace trace = new();
        trace.Begin(request.Id, thread, request.Address, _since);
        trace.Flags = request.Flags;
        trace.Read = _since;
        trace.Woken = trace.Resumed = woken;
        return trace;
    }

    private long At(double percentile) => _latency.TotalCount == 0 ? 0 : _latency.GetValueAtPercentile(percentile);
}
