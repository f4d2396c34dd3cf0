using System.Globalization;
using UffdActors.Failures;

namespace UffdActors.Handling;

/// <summary>
/// A trouble that passes, and how long it is waited out. A waiter that fails is tried again; it pauses once it has failed for as long as
/// the patience is, or once no waiter has succeeded for as long. One incident says that an outage has begun, one that waiters have paused,
/// one that it is over.
/// </summary>
/// <remarks>
/// Pure but for the incidents: the clock is passed in, and the timers are others'. Any thread; nothing here is on the way of a page that is
/// filled without trouble but <see cref="IsOn"/>.
/// </remarks>
internal sealed class Outage(OutageCause cause, string name, Patience patience, IncidentLog? incidents)
{
    private const int MostRoundsBeforeSlowest = 4;

    private readonly Dictionary<Waiter, Trouble> _waiters = [];
    private readonly Lock _gate = new();
    private long _since;
    private long? _fruitlessSince;
    private int _waited;
    private int _rounds;
    private bool _isReported;
    private bool _isOverReported;
    private bool _isProbing;
    private string _what = "";
    private volatile bool _isOn;

    /// <summary>Failures of one waiter in a row after which it is an outage: a single failure that passes is not reported.</summary>
    public int Threshold { get; init; } = 3;

    /// <summary>True while a waiter has failed and has not succeeded since.</summary>
    public bool IsOn => _isOn;

    /// <summary>True once it has been reported that it is one.</summary>
    public bool IsReported
    {
        get
        {
            lock (_gate) return _isReported;
        }
    }

    /// <summary>True if waiters that pause are probed, and woken when a probe succeeds.</summary>
    public bool Resumes => patience.Resumes;

    /// <summary>True if the waiter is known to be in trouble.</summary>
    public bool Holds(Waiter waiter)
    {
        if (!_isOn) return false;
        lock (_gate) return _waiters.ContainsKey(waiter);
    }

    /// <summary>A waiter has failed.</summary>
    /// <param name="waiter">The page or push.</param>
    /// <param name="now">Nanoseconds.</param>
    /// <param name="what">Why; part of a sentence.</param>
    /// <param name="reason">The exception behind it, if there is one.</param>
    /// <param name="failures">How often it has failed by now without success.</param>
    /// <returns>False if it is to pause; true if it is to be tried again.</returns>
    public bool Failed(Waiter waiter, long now, string what, Exception? reason, out int failures)
    {
        lock (_gate)
        {
            if (_waiters.Count == 0) Begin(now);
            if (!_waiters.TryGetValue(waiter, out Trouble? trouble))
            {
                _waiters.Add(waiter, trouble = new Trouble { Since = now });
                if (!waiter.IsPush) _waited++;
            }

            trouble.IsReleased = false;
            trouble.Latest = now;
            failures = ++trouble.Failures;
            _what = what;
            long fruitless = _fruitlessSince ??= now;
            if (!_isReported && failures >= Threshold)
            {
                _isReported = true;
                Report(BeganKind, Began(waiter, failures), reason);
            }

            if (now - trouble.Since < patience.Nanoseconds && now - fruitless < patience.Nanoseconds) return true;
            trouble.IsPaused = true;
            if (_isOverReported) return false;
            _isOverReported = _isReported = true;
            Report(IncidentKind.PatienceOver, Over(now), reason);
            return false;
        }
    }

    /// <summary>A waiter has succeeded, or a page that had no trouble at all.</summary>
    /// <returns>True if the waiters that have paused are to be woken.</returns>
    public bool Succeeded(Waiter waiter, long now)
    {
        lock (_gate)
        {
            _fruitlessSince = null;
            if (!_isOn) return false;
            _ = _waiters.Remove(waiter, out Trouble? trouble);
            // Some waiters do not come again: their page was filled otherwise, or taken away.
            if (trouble is { IsPaused: true }
                || _waiters.Values.All(w => w.IsReleased || (!w.IsPaused && now - w.Latest > patience.Nanoseconds)))
                return End(now, isOver: true);
            return false;
        }
    }

    /// <summary>A waiter is not wanted any more.</summary>
    public void Forget(Waiter waiter, long now)
    {
        if (!_isOn) return;
        lock (_gate)
        {
            if (_waiters.Remove(waiter) && _waiters.Count == 0) _ = End(now, isOver: false);
        }
    }

    /// <summary>The waiters are tried again at once, with their patience in full.</summary>
    public void Recover(long now)
    {
        if (!_isOn) return;
        lock (_gate)
        {
            _isOverReported = false;
            _fruitlessSince = null;
            foreach (Trouble trouble in _waiters.Values)
                (trouble.IsPaused, trouble.IsReleased, trouble.Since, trouble.Failures) = (false, true, now, 0);
        }
    }

    /// <summary>A waiter that has paused is tried once. If it does not come again, no thread waits for its page.</summary>
    public void Tried(Waiter waiter)
    {
        lock (_gate)
        {
            if (_waiters.TryGetValue(waiter, out Trouble? trouble)) trouble.IsReleased = true;
        }
    }

    /// <summary>A waiter has paused: probing begins, unless it is under way or not wanted.</summary>
    public bool TryBeginProbing()
    {
        lock (_gate)
        {
            if (!patience.Resumes || _isProbing || !IsAnyPaused) return false;
            _rounds = 0;
            return _isProbing = true;
        }
    }

    /// <summary>It is time for a probe.</summary>
    /// <returns>False if no waiter has paused any more: then probing is over.</returns>
    public bool GoOnProbing()
    {
        lock (_gate)
        {
            if (!IsAnyPaused) _isProbing = false;
            return _isProbing;
        }
    }

    /// <summary>Time up to the next probe: 0.1 s, doubling up to about a second, not all alike.</summary>
    public TimeSpan ProbeDelay(long salt)
    {
        lock (_gate) return Backoff.ProbeDelay(Math.Min(_rounds++, MostRoundsBeforeSlowest), salt);
    }

    private void Begin(long now)
    {
        _isOn = true;
        _since = now;
        _fruitlessSince = now;
        _isReported = _isOverReported = false;
        _waited = 0;
    }

    /// <returns>True if a waiter had paused.</returns>
    private bool End(long now, bool isOver)
    {
        bool hadPaused = IsAnyPaused;
        if (_isReported) Report(IncidentKind.OutageEnded, Ended(now, isOver), null);
        _waiters.Clear();
        _isOn = false;
        return hadPaused;
    }

    private bool IsAnyPaused => _waiters.Values.Any(w => w is { IsPaused: true, IsReleased: false });

    private IncidentKind BeganKind => cause switch
    {
        OutageCause.Source => IncidentKind.SourceFailed,
        OutageCause.Fill => IncidentKind.FillDelayed,
        _ => IncidentKind.PageQuarantined,
    };

    private string Began(Waiter waiter, int failures)
    {
        string until = patience.IsEndless ? "" : $", for up to {Seconds(patience.Nanoseconds)}";
        return cause switch
        {
            OutageCause.Source =>
                $"{name} has failed {failures} times in a row for {waiter} ({_what}); it is asked again, at growing intervals{until}.",
            OutageCause.Fill =>
                $"{Capital(waiter)} could not be filled in {failures} attempts ({_what}); it is tried again, at growing intervals{until}.",
            _ => $"{Capital(waiter)} is held back ({_what}); it is handed out again, at growing intervals{until}.",
        };
    }

    private string Over(long now)
    {
        string trouble = cause switch
        {
            OutageCause.Source => $"{name} has failed for {Seconds(now - _since)} ({_what})",
            OutageCause.Fill => $"Pages could not be filled for {Seconds(now - _since)} ({_what})",
            _ => $"Handlers have crashed on the same pages for {Seconds(now - _since)} ({_what})",
        };
        return patience.Resumes
            ? $"{trouble}: the requests that wait have paused. One of them is tried about once a second, and all go on by themselves when "
                + $"it succeeds, or when they are recovered."
            : $"{trouble}: the requests that wait have paused until they are recovered or abandoned.";
    }

    private string Ended(long now, bool isOver)
    {
        string lasted = Seconds(now - _since);
        string waited = _waited == 1 ? "1 page had waited" : $"{_waited.ToString(CultureInfo.InvariantCulture)} pages had waited";
        if (!isOver)
            return $"No request waits any more for {(cause == OutageCause.Source ? name : "what could not be filled")}, after {lasted}; "
                + $"{waited}.";
        return cause switch
        {
            OutageCause.Source => $"{name} answers again after {lasted}; {waited}.",
            OutageCause.Fill => $"Pages are filled again after {lasted}; {waited}.",
            _ => $"Handlers have come through after {lasted}; {waited}.",
        };
    }

    private void Report(IncidentKind kind, string message, Exception? reason) => incidents?.Report(new Incident(kind, message, reason));

    private static string Capital(Waiter waiter)
    {
        string text = waiter.ToString();
        return char.ToUpperInvariant(text[0]) + text[1..];
    }

    private static string Seconds(long nanoseconds) => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1e9:0.0##} s");

    /// <summary>What is known of a waiter.</summary>
    private sealed class Trouble
    {
        public long Since { get; set; }

        public long Latest { get; set; }

        public int Failures { get; set; }

        public bool IsPaused { get; set; }

        /// <summary>Woken, and not failed since.</summary>
        public bool IsReleased { get; set; }
    }
}
