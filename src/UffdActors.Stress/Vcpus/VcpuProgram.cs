using System.Diagnostics;
using UffdActors.Stress.Guest;

namespace UffdActors.Stress.Vcpus;

/// <summary>
/// The program of one vCPU, lap after lap: visits to random pages drawn from a seed. The thread or actor that carries it out takes the next
/// touch from here; the watchdog reads its state.
/// </summary>
internal sealed class VcpuProgram(int number, Ledger ledger, bool hasMutex, ulong seed, Action<long> aboutToVisit)
{
    private const ulong LookOneIn = 4;
    private const ulong PeekOneIn = 5;

    private readonly PageVisit _visit = new(ledger, number, hasMutex);
    private ulong _state = seed ^ ((ulong)number << 32);
    private long _left;
    private long _sweep = -1;
    private long _visits;
    private long _contended;
    private long _since;
    private bool _isVisiting;
    private volatile bool _endsLaps;
    private volatile bool _halted;

    /// <summary>Number of the vCPU.</summary>
    public int Number => number;

    /// <summary>Visits that have ended. Any thread.</summary>
    public long Visits => Volatile.Read(ref _visits);

    /// <summary>Visits that found the page's lock taken. Any thread.</summary>
    public long Contended => Volatile.Read(ref _contended);

    /// <summary>The touch under way, in words, with its age; null if there is none. Any thread.</summary>
    public (TimeSpan Age, long Page, string Doing)? Touch
    {
        get
        {
            long since = Volatile.Read(ref _since);
            return since == 0 ? null : (Stopwatch.GetElapsedTime(since), _visit.Page, _visit.Doing);
        }
    }

    /// <summary>A lap begins.</summary>
    /// <param name="visits">Visits to make; negative to look at its share of all pages once, in order.</param>
    public void BeginLap(long visits)
    {
        _sweep = visits < 0 ? number : -1;
        _left = visits < 0 ? (ledger.Pages - number + ledger.Vcpus - 1) / ledger.Vcpus : visits;
    }

    /// <summary>
    /// Laps of visits end with the visit under way, the present lap and any later one: the caller that stops a run cannot tell which lap a
    /// vCPU is in. The last check of every page is made all the same. Any thread.
    /// </summary>
    public void EndLaps() => _endsLaps = true;

    /// <summary>The vCPU must not use values that it reads any more; it ends with its next touch. Any thread.</summary>
    public void Halt() => _halted = true;

    /// <summary>The next touch.</summary>
    /// <returns>False if the lap is over.</returns>
    public bool TryNext(out long page, out MemoryOp op)
    {
        op = default;
        page = 0;
        while (!_halted && ledger.Violation is null)
        {
            if (_isVisiting && _visit.TryNext(out op))
            {
                page = _visit.Page;
                Volatile.Write(ref _since, Stopwatch.GetTimestamp());
                return true;
            }

            if (_isVisiting) Volatile.Write(ref _visits, _visits + 1);
            _isVisiting = false;
            if (_left-- <= 0 || (_endsLaps && _sweep < 0)) return false;
            BeginVisit();
        }

        return false;
    }

    /// <summary>The touch has been made.</summary>
    public void Ended(MemoryOp op, ulong value)
    {
        Volatile.Write(ref _since, 0);
        // The touch may have returned because the userfaultfd was closed, not because the page was filled: its value is not checked.
        if (_halted) return;
        if (op.Kind == MemoryOpKind.TryLock && value == 0) Volatile.Write(ref _contended, _contended + 1);
        _visit.Ended(value);
    }

    private void BeginVisit()
    {
        if (_sweep >= 0)
        {
            _isVisiting = _visit.Begin(_sweep, VisitKind.Look, PageLayout.PatternAt((ulong)_sweep));
            _sweep += ledger.Vcpus;
            return;
        }

        ulong draw = SplitMix.Next(ref _state);
        // Half of all visits go to a quarter of the pages, so that vCPUs contend.
        long pages = (draw & 1) == 0 ? Math.Max(1, ledger.Pages / 4) : ledger.Pages;
        long page = (long)((draw >> 8) % (ulong)pages);
        ulong kind = SplitMix.Next(ref _state);
        VisitKind visit = kind % PeekOneIn == 0 ? VisitKind.Peek : kind / PeekOneIn % LookOneIn == 0 ? VisitKind.Look : VisitKind.Increment;
        aboutToVisit(page);
        _isVisiting = _visit.Begin(page, visit, PageLayout.PatternAt(SplitMix.Next(ref _state)));
        if (!_isVisiting) Volatile.Write(ref _contended, _contended + 1);
    }
}
