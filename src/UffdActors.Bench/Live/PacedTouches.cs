using UffdActors.Dispatch;
using UffdActors.Linux.Native;

namespace UffdActors.Bench.Live;

/// <summary>
/// One vCPU's work: from time to time it reads a page that is not there yet, in a random order, so that each access is a demand among pages
/// that are pushed. It sleeps in between, so that demand is not the main load.
/// </summary>
internal sealed class PacedTouches : IWorkload
{
    private readonly StartGate _gate;
    private readonly int[] _pages;
    private readonly int _pauseMicroseconds;
    private readonly int _demands;
    private readonly List<long> _latencies;
    private long _given;
    private int _next;

    private PacedTouches(StartGate gate, int[] pages, int demands, int pauseMicroseconds)
    {
        _gate = gate;
        _pages = pages;
        _demands = demands;
        _pauseMicroseconds = pauseMicroseconds;
        _latencies = new List<long>(demands);
    }

    /// <summary>Whether a page is there; by default none is.</summary>
    public Func<long, bool> IsThere { get; set; } = _ => false;

    /// <summary>Nanoseconds of each access.</summary>
    public IReadOnlyList<long> Latencies => _latencies;

    /// <summary>Work for each vCPU; the orders are the same for the same seed.</summary>
    /// <param name="pages">Pages of the guest.</param>
    /// <param name="vcpus">vCPUs.</param>
    /// <param name="demands">Accesses of each, at most; it ends earlier when every page is there.</param>
    /// <param name="pauseMicroseconds">Sleep before each access.</param>
    /// <param name="seed">Seed of the order.</param>
    /// <param name="gate">Gate of all vCPUs.</param>
    public static PacedTouches[] Share(int pages, int vcpus, int demands, int pauseMicroseconds, ulong seed, StartGate gate) =>
        [.. TimedTouches.Parts(pages, vcpus, seed).Select(part => new PacedTouches(gate, part, demands, pauseMicroseconds))];

    /// <inheritdoc />
    public void Reset()
    {
        // Each run makes new instances.
    }

    /// <inheritdoc />
    public bool TryNext(out GuestStep step)
    {
        step = default;
        if (_given == 0)
        {
            if (!_gate.Pass()) return false;
        }
        else
        {
            _latencies.Add(MonotonicClock.Nanoseconds - _given);
        }

        if (_latencies.Count < _demands)
        {
            RawCalls.Sleep(_pauseMicroseconds);
            while (_next < _pages.Length && IsThere(_pages[_next])) _next++;
            if (_next < _pages.Length)
            {
                step = new GuestStep(0, _pages[_next++], false);
                _given = MonotonicClock.Nanoseconds;
                return true;
            }
        }

        _gate.End();
        return false;
    }
}
