using System.Diagnostics;

namespace UffdActors.Pictures.Recording;

/// <summary>
/// Looks at a run from a timer of its own: often at the beginning, seldom in a long run, and never so often that looking takes more than a
/// hundredth of the time.
/// </summary>
internal sealed class RunWatch : IAsyncDisposable
{
    private const double Share = 0.01;
    private const double LooksARun = 400;
    private static readonly TimeSpan OftenSoonest = TimeSpan.FromMilliseconds(4);
    private static readonly TimeSpan Latest = TimeSpan.FromSeconds(1);

    private readonly Timer _timer;
    private readonly Action _look;
    private readonly TimeSpan _soonest;
    private readonly long _began = Stopwatch.GetTimestamp();
    private TimeSpan _costBefore;
    private volatile bool _isOver;

    /// <summary>Begins to look.</summary>
    /// <param name="look">Looks; not called by two threads at a time.</param>
    /// <param name="soonest">Time between two looks, at least; null for a few milliseconds.</param>
    public RunWatch(Action look, TimeSpan? soonest = null)
    {
        _look = look;
        _soonest = soonest ?? OftenSoonest;
        _timer = new Timer(_ => Look());
        _ = _timer.Change(_soonest, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The time until the next look.</summary>
    /// <param name="elapsed">Since the first.</param>
    /// <param name="cost">What the latest has taken.</param>
    /// <param name="soonest">At least so long.</param>
    public static TimeSpan NextAfter(TimeSpan elapsed, TimeSpan cost, TimeSpan soonest)
    {
        TimeSpan due = elapsed / LooksARun;
        if (due > Latest) due = Latest;
        if (due < soonest) due = soonest;
        TimeSpan affordable = cost / Share;
        return affordable > due ? affordable : due;
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        _isOver = true;
        await _timer.DisposeAsync();
    }

    private void Look()
    {
        long from = Stopwatch.GetTimestamp();
        _look();
        if (_isOver) return;
        try
        {
            // The smaller of two: the first look is compiled, and one may have been preempted.
            TimeSpan cost = Stopwatch.GetElapsedTime(from);
            TimeSpan smaller = cost < _costBefore ? cost : _costBefore;
            _costBefore = cost;
            TimeSpan next = NextAfter(Stopwatch.GetElapsedTime(_began), smaller, _soonest);
            _ = _timer.Change(next, Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // It has ended meanwhile.
        }
    }
}
