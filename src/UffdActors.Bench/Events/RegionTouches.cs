using UffdActors.Dispatch;

namespace UffdActors.Bench.Events;

/// <summary>
/// A vCPU's work: reads the pages of the first region and of the last in turns, each once, and measures the time of every access.
/// </summary>
internal sealed class RegionTouches(int last, int pages) : IWorkload
{
    private readonly long[] _first = new long[pages];
    private readonly long[] _last = new long[pages];
    private long _given;
    private int _next;

    /// <inheritdoc />
    public void Reset()
    {
        // Each run makes new instances.
    }

    /// <inheritdoc />
    public bool TryNext(out GuestStep step)
    {
        long now = MonotonicClock.Nanoseconds;
        if (_next > 0) TimesOf(_next - 1)[(_next - 1) / 2] = now - _given;
        step = default;
        // One region is first and last: half of its pages count here and half there.
        int page = last == 0 ? _next : _next / 2;
        if (page == pages) return false;
        step = new GuestStep(_next % 2 == 0 ? 0 : last, page, false);
        _next++;
        _given = MonotonicClock.Nanoseconds;
        return true;
    }

    /// <summary>What was measured.</summary>
    public RegionSample Sample() => new(FiguresOf(_first), FiguresOf(_last));

    private long[] TimesOf(int access) => access % 2 == 0 ? _first : _last;

    private RegionFigures FiguresOf(long[] times)
    {
        long[] taken = [.. times.Take(_next / 2).Order()];
        return new RegionFigures(taken.Length / (taken.Sum() / 1e9), taken[taken.Length / 2]);
    }
}
