using System.Diagnostics;
using UffdActors.Model.Memory;

namespace UffdActors.Bench.Events;

/// <summary>Events to be raised, one page after the other, and when each window of them had ended.</summary>
internal sealed class EventRun(GuestRegion region, int events, TaskCompletionSource ended)
{
    private readonly long[] _marks = new long[EventBenchOptions.Windows + 1];
    private int _window;
    private int _raised;

    /// <summary>The memory.</summary>
    public GuestRegion Region => region;

    /// <summary>Ends with the last event, or with a failure.</summary>
    public TaskCompletionSource Ended => ended;

    /// <summary>The next page, by its offset in the region; called when the event before it has been read.</summary>
    /// <returns>False if that was the last.</returns>
    public bool TryNext(out long offset)
    {
        if (_raised == EndOf(_window)) _marks[_window++] = Stopwatch.GetTimestamp();
        offset = 2L * _raised << PageSize.BaseShift;
        return _raised++ < events;
    }

    /// <summary>Events a second, window by window.</summary>
    public double[] WindowRates() =>
        [.. Enumerable.Range(0, EventBenchOptions.Windows)
            .Select(i => (EndOf(i + 1) - EndOf(i)) / Stopwatch.GetElapsedTime(_marks[i], _marks[i + 1]).TotalSeconds)];

    private int EndOf(int window) => (int)((long)events * window / EventBenchOptions.Windows);
}
