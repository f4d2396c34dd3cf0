using UffdActors.Dispatch;

namespace UffdActors.Bench.Live;

/// <summary>
/// One vCPU's work: reads every page of its part of the memory once, in a random order, so every access is a demand fault. It measures each
/// access from the moment the step is given until the next one is requested, so that the ring and the loop without actors are measured by
/// the same clock at the same places.
/// </summary>
internal sealed class TimedTouches : IWorkload
{
    private readonly StartGate _gate;
    private readonly int[] _pages;
    private readonly long[] _latencies;
    private long _given;
    private int _next;

    private TimedTouches(StartGate gate, int[] pages)
    {
        _gate = gate;
        _pages = pages;
        _latencies = new long[pages.Length];
    }

    /// <summary>Nanoseconds of the first access; 0 before it.</summary>
    public long Began { get; private set; }

    /// <summary>Nanoseconds at which the last access had ended; 0 before it.</summary>
    public long Ended { get; private set; }

    /// <summary>Nanoseconds of each access.</summary>
    public IReadOnlyList<long> Latencies => _latencies;

    /// <summary>Cuts a memory into one part for each vCPU; the orders are the same for the same seed.</summary>
    public static TimedTouches[] Share(int pages, int vcpus, ulong seed, StartGate gate) =>
        [.. Parts(pages, vcpus, seed).Select(part => new TimedTouches(gate, part))];

    /// <summary>All pages in a random order, cut into one part for each vCPU.</summary>
    public static IEnumerable<int[]> Parts(int pages, int vcpus, ulong seed)
    {
        int[] order = [.. Enumerable.Range(0, pages)];
        ulong state = seed;
        for (int i = pages - 1; i > 0; i--)
        {
            int other = (int)(SplitMix.Next(ref state) % (ulong)(i + 1));
            (order[i], order[other]) = (order[other], order[i]);
        }

        return Enumerable.Range(0, vcpus).Select(i => order[Part(i)..Part(i + 1)]);

        int Part(int i) => (int)((long)pages * i / vcpus);
    }

    /// <inheritdoc />
    public void Reset()
    {
        // Each run makes new instances.
    }

    /// <inheritdoc />
    public bool TryNext(out GuestStep step)
    {
        step = default;
        if (_next == 0)
        {
            if (!_gate.Pass()) return false;
            Began = _given = MonotonicClock.Nanoseconds;
        }
        else
        {
            long now = MonotonicClock.Nanoseconds;
            _latencies[_next - 1] = now - _given;
            _given = now;
            if (_next == _pages.Length)
            {
                Ended = now;
                _gate.End();
                return false;
            }
        }

        step = new GuestStep(0, _pages[_next++], false);
        return true;
    }
}
