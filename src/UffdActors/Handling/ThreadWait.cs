using HdrHistogram;

namespace UffdActors.Handling;

/// <summary>The waits of one thread, and its place among those that wait for one request.</summary>
internal sealed class ThreadWait
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
        if (_before is null) Request!.Waiting = _behind;
        else _before._behind = _behind;
        if (_behind is not null) _behind._before = _before;
        _before = _behind = null;
        Request = null;
    }

    /// <summary>What has been recorded so far.</summary>
    public FaultLatency Snapshot(int thread) => new(thread, _latency.TotalCount, _blocked, At(50), At(99), At(100));

    private long At(double percentile) => _latency.TotalCount == 0 ? 0 : _latency.GetValueAtPercentile(percentile);
}
