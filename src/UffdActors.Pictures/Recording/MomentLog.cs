using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Recording;

/// <summary>
/// Figures at moments, as many as fit: when they are too many every other one is dropped, and from then on they are twice as far apart.
/// The latest is always kept. Not safe for several threads.
/// </summary>
internal sealed class MomentLog(IReadOnlyList<WatchedFigure> figures)
{
    /// <summary>Moments, at most.</summary>
    public const int Most = 480;

    private readonly List<long> _moments = [];
    private readonly List<long[]> _values = [];
    private long _interval;

    /// <summary>Moments that are kept.</summary>
    public int Count => _moments.Count;

    /// <summary>Reads the figures. A moment that is not behind the latest takes its place.</summary>
    public void Look(long now)
    {
        bool isReplaced = _moments.Count > 0 && (now <= _moments[^1] || (_moments.Count > 1 && _moments[^1] - _moments[^2] < _interval));
        if (isReplaced)
        {
            now = Math.Max(now, _moments[^1]);
            _moments.RemoveAt(_moments.Count - 1);
            _values.RemoveAt(_values.Count - 1);
        }

        if (_moments.Count == Most) Thin();
        _moments.Add(now);
        _values.Add([.. figures.Select(f => f.Read())]);
    }

    /// <summary>The moments.</summary>
    public IReadOnlyList<long> Moments() => [.. _moments];

    /// <summary>The figures at them.</summary>
    public IReadOnlyList<RunSeries> Series() =>
    [
        .. figures.Select((f, i) => new RunSeries(f.Name, f.Unit, f.IsCount, [.. _values.Select(v => v[i])])),
    ];

    /// <summary>How fast a count has grown of late, a second; 0 if nothing is known.</summary>
    /// <param name="figure">Its place.</param>
    /// <param name="span">Over at least so many nanoseconds, if there are as many.</param>
    public double Rate(int figure, long span)
    {
        if (_moments.Count < 2) return 0;
        int from = _moments.Count - 2;
        while (from > 0 && _moments[^1] - _moments[from] < span) from--;
        long time = _moments[^1] - _moments[from];
        return time <= 0 ? 0 : (_values[^1][figure] - _values[from][figure]) * 1e9 / time;
    }

    /// <summary>The latest value of a figure; 0 if nothing is known.</summary>
    public long Latest(int figure) => _values.Count == 0 ? 0 : _values[^1][figure];

    private void Thin()
    {
        for (int i = 1; i < Most / 2; i++) (_moments[i], _values[i]) = (_moments[2 * i], _values[2 * i]);
        _moments.RemoveRange(Most / 2, _moments.Count - (Most / 2));
        _values.RemoveRange(Most / 2, _values.Count - (Most / 2));
        _interval = (_moments[^1] - _moments[0]) / ((Most / 2) - 1);
    }
}
