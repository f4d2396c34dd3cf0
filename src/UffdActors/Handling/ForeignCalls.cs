using System.Globalization;
using UffdActors.Dispatch;
using UffdActors.Failures;

namespace UffdActors.Handling;

/// <summary>
/// Sees code of the embedder that is called in a turn and does not come back: a page source's <c>Request</c>, the hook for writes. On the
/// fault loop nothing of the VM goes on meanwhile, and no turn is left that could say so; a timer outside of it does.
/// </summary>
/// <remarks>
/// A call costs its caller two stores and no look at the clock: how long a call lasts is known by the looks that find it under way. A
/// process that is stopped as a whole is not looked at either, so it does not count as a call that blocks. Looks end when nothing was
/// called between two of them, and the next call has them begin again: a VM that rests costs no time.
/// </remarks>
internal sealed class ForeignCalls : IDisposable
{
    // A call is reported at the third look that finds it.
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(500);
    private const int LooksBeforeReport = 3;
    // Those of modules that are to end the calls which wait for them: 30 s, as long as a page source has.
    private const int LooksBeforeEnd = 61;
    // Nanoseconds; timers are a little early now and then.
    private const long LeastBetweenLooks = 400_000_000;

    private readonly Lock _gate = new();
    private readonly List<ForeignCall> _calls = [];
    private readonly IncidentLog _incidents;
    private readonly TimeProvider? _time;
    private ITimer? _timer;
    private bool _isAsleep;
    private long? _looked;
    private bool _isDisposed;
    private TaskCompletionSource<string> _stuck = NewCompletion();

    /// <param name="incidents">Told of calls that block.</param>
    /// <param name="time">Timers that call <see cref="OnTimer"/>; null if other code does.</param>
    public ForeignCalls(IncidentLog incidents, TimeProvider? time)
    {
        _incidents = incidents;
        _time = time;
    }

    /// <summary>Watches the calls of one caller.</summary>
    public void Add(ForeignCall call)
    {
        lock (_gate)
        {
            if (_isDisposed) return;
            _calls.Add(call);
            if (_time is null) return;
            if (_timer is null)
            {
                _timer = _time.CreateTimer(
                    static me => ((ForeignCalls)me!).OnTimer(MonotonicClock.Nanoseconds), this, Timeout.InfiniteTimeSpan,
                    Timeout.InfiniteTimeSpan);
                _isAsleep = true;
            }

            if (_isAsleep) call.Wake = Wake;
        }
    }

    /// <summary>The caller calls no more.</summary>
    public void Remove(ForeignCall call)
    {
        lock (_gate)
        {
            if (_calls.Remove(call)) Look(call);
        }
    }

    /// <summary>The calls that are under way.</summary>
    public IReadOnlyList<CallUnderWay> UnderWay
    {
        get
        {
            lock (_gate) return [.. _calls.Where(c => c.IsUnderWay).Select(c => new CallUnderWay(c, c.Count, c.Name))];
        }
    }

    /// <summary>Ends while a call blocks that is to end others, with what it is and for how long.</summary>
    public Task<string> Stuck => Volatile.Read(ref _stuck).Task;

    /// <summary>
    /// Looks, unless it has just done so: where threads of the pool are scarce, several come at once, and looks that follow each other
    /// closely say nothing about how long a call lasts.
    /// </summary>
    /// <param name="now">Nanoseconds.</param>
    internal void OnTimer(long now)
    {
        lock (_gate)
        {
            if (_looked is { } last && now - last < LeastBetweenLooks) return;
            _looked = now;
        }

        Look();
    }

    /// <summary>Looks once; by the timer.</summary>
    internal void Look()
    {
        lock (_gate)
        {
            bool isQuiet = true;
            foreach (ForeignCall call in _calls)
            {
                isQuiet &= call.SeenCount == call.Count && !call.IsUnderWay;
                Look(call);
            }

            if (isQuiet) Sleep();
        }
    }

    // A call that begins meanwhile has either written its count before this looks at it again, or reads that it is to wake: the barrier is
    // on every thread, so that no call pays for one.
    private void Sleep()
    {
        if (_timer is null || _isAsleep) return;
        foreach (ForeignCall call in _calls) call.Wake = Wake;
        Interlocked.MemoryBarrierProcessWide();
        if (_calls.Any(c => c.SeenCount != c.Count))
        {
            foreach (ForeignCall call in _calls) call.Wake = null;
            return;
        }

        _isAsleep = true;
        _ = _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private void Wake()
    {
        lock (_gate)
        {
            if (_isDisposed || !_isAsleep) return;
            _isAsleep = false;
            foreach (ForeignCall call in _calls) call.Wake = null;
            _ = _timer!.Change(BetweenLooks, BetweenLooks);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _timer?.Dispose();
            _timer = null;
        }
    }

    private void Look(ForeignCall call)
    {
        int count = call.Count;
        if (call.SeenCount == count && call.IsUnderWay)
        {
            call.Looks++;
            if (call is { EndsCalls: true, Looks: LooksBeforeEnd })
                _ = _stuck.TrySetResult($"{call.Name} has been called in a turn and has not returned for {Seconds(call.Looks - 1)}");
            if (call.Looks != LooksBeforeReport) return;
            call.IsReported = true;
            call.ReportedName = call.Name;
            _incidents.Report(new Incident(
                IncidentKind.BlockingCall,
                $"{call.Name} has been called in a turn and has not returned for {Seconds(call.Looks - 1)}: on the fault loop nothing of "
                    + "the VM goes on meanwhile, and no fault is resolved. It must not block"
                    + (call.EndsCalls ? "." : "; what takes time answers later, from another thread.")));
            return;
        }

        if (call.IsReported)
            _incidents.Report(new Incident(IncidentKind.OutageEnded, $"{call.ReportedName} has returned after {Seconds(call.Looks)}."));
        if (call.EndsCalls && call.Looks >= LooksBeforeEnd) Volatile.Write(ref _stuck, NewCompletion());
        (call.SeenCount, call.Looks, call.IsReported) = (count, 1, false);
    }

    private static TaskCompletionSource<string> NewCompletion() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static string Seconds(int looks) => string.Create(CultureInfo.InvariantCulture, $"{looks * BetweenLooks.TotalSeconds:0.#} s");
}
