using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Recording;

/// <summary>
/// Collects what happens in a run: fault traces and incidents as they come, everything else by looks from outside. Bounded, however long
/// the run is. Safe for any thread.
/// </summary>
internal sealed class RunRecorder
{
    private const int MostIncidents = 200;
    private const int MostEarly = 1 << 16;
    private const long RecentNanoseconds = 1_000_000_000;

    private readonly Lock _gate = new();
    private readonly List<FaultTrace> _early = [];
    private readonly List<RunIncident> _incidents = [];
    private readonly FaultBins _bins = new();
    private readonly SpanLog _spans;
    private WatchedRun? _run;
    private MomentLog? _moments;
    private PageWatch? _pages;
    private long _moreIncidents;
    private long? _end;

    /// <param name="spans">Faults that are kept one by one, at most; 0 for none.</param>
    public RunRecorder(int spans = 0) => _spans = new SpanLog(spans);

    /// <summary>The run can be looked at from now on; the first time counts.</summary>
    public void Begin(WatchedRun run)
    {
        lock (_gate)
        {
            if (_run is not null) return;
            _moments = new MomentLog(run.Figures);
            _pages = new PageWatch(run.Regions, run.Otherwise);
            _run = run;
        }
    }

    /// <summary>A vCPU's fault has ended.</summary>
    public void Take(FaultTrace trace)
    {
        lock (_gate)
        {
            if (_end is not null) return;
            // The guest may run before anybody could look.
            if (_run?.Start() is not { } start)
            {
                if (_early.Count < MostEarly) _early.Add(trace);
                return;
            }

            TakeEarly(start);
            Take(trace, start);
        }
    }

    /// <summary>Something went wrong.</summary>
    public void Take(Incident incident) => Take(incident.Kind.ToString(), incident.Message);

    /// <summary>Something went wrong.</summary>
    /// <param name="kind">What.</param>
    /// <param name="message">In a sentence.</param>
    public void Take(string kind, string message)
    {
        lock (_gate)
        {
            long now = _run is { } run && run.Start() is { } start ? Math.Max(0, run.Now() - start) : 0;
            if (_incidents.Count < MostIncidents) _incidents.Add(new RunIncident(now, kind, message));
            else _moreIncidents++;
        }
    }

    /// <summary>Looks at the run, if it has begun and not ended.</summary>
    public void Look()
    {
        lock (_gate)
        {
            if (_run is { } run && _end is null && !run.IsOver()) Look(run, null);
        }
    }

    /// <summary>The run has ended: a last look, and nothing behind it counts. Called again, it only tells how long the run took.</summary>
    /// <param name="nanoseconds">How long it took, if that is known better than by now.</param>
    public void End(long? nanoseconds = null)
    {
        lock (_gate)
        {
            if (_run is { } run && _end is null) Look(run, nanoseconds);
            long latest = _end ?? (_moments is { Count: > 0 } moments ? moments.Moments()[^1] : 0);
            _end = Math.Max(1, nanoseconds ?? latest);
        }
    }

    /// <summary>What has happened; to be asked when it has ended.</summary>
    public RunHistory History()
    {
        lock (_gate)
        {
            IReadOnlyList<long> moments = _moments?.Moments() ?? [];
            return new RunHistory
            {
                Nanoseconds = _end ?? (moments.Count == 0 ? 1 : Math.Max(1, moments[^1])),
                IsVirtualTime = _run?.IsVirtualTime ?? false,
                Moments = moments,
                Series = _moments?.Series() ?? [],
                Faults = _bins.Copy(),
                Spans = _spans.All(),
                SpanStride = _spans.Stride,
                Map = _pages is { Pages: > 0 } pages ? pages.Map() : null,
                Incidents = [.. _incidents],
                MoreIncidents = _moreIncidents,
            };
        }
    }

    /// <summary>How it is now, for the live view.</summary>
    /// <param name="cells">Cells of the memory map.</param>
    public LiveSnapshot Snapshot(int cells)
    {
        lock (_gate)
        {
            if (_run is not { } run || run.Start() is not { } start) return LiveSnapshot.Waiting;
            long now = Math.Max(0, (_end ?? (run.Now() - start)));
            Range recent = Recent();
            return new LiveSnapshot
            {
                Elapsed = TimeSpan.FromTicks(now / TimeSpan.NanosecondsPerTick),
                Pages = _pages!.Pages,
                ReceivedPages = _pages.Received,
                PageBytes = _pages.PageBytes,
                Cells = LiveCells.Of(_pages, run.Requested().Select(_pages.PageOf).ToHashSet(), cells),
                Figures =
                [
                    .. run.Figures.Select((f, i) => new LiveFigure(
                        f.Name, f.Unit, _moments!.Latest(i), f.IsCount ? _moments.Rate(i, RecentNanoseconds) : null)),
                ],
                Faults = _bins.Faults,
                RecentMedian = _bins.Used == 0 ? null : _bins.Percentile(recent, 50),
                RecentP99 = _bins.Used == 0 ? null : _bins.Percentile(recent, 99),
                Median = _bins.Percentile(.., 50),
                P99 = _bins.Percentile(.., 99),
                Blocked = [.. Enumerable.Range(0, _bins.Vcpus).Select(v => BlockedShare(v, recent))],
                Hops = [.. FaultSpan.HopNames.Select((name, hop) => (name, _bins.MeanHop(hop))).Where(h => h.Item2.Faults > 0)
                    .Select(h => new LiveHop(h.name, h.Item2.Mean))],
                Incidents = [.. _incidents],
                MoreIncidents = _moreIncidents,
            };
        }
    }

    private void Look(WatchedRun run, long? at)
    {
        if (run.Start() is not { } start)
        {
            _pages!.Look(-1);
            return;
        }

        TakeEarly(start);
        long now = at ?? Math.Max(0, run.Now() - start);
        run.BeforeLook();
        _pages!.Look(now);
        _moments!.Look(now);
    }

    // The bins of about the last second, without the one that is being filled if there is another.
    private Range Recent()
    {
        int end = Math.Max(1, _bins.Used - 1);
        int bins = (int)Math.Max(1, RecentNanoseconds / _bins.Width);
        return Math.Max(0, end - bins)..Math.Min(_bins.Used, end);
    }

    private double BlockedShare(int vcpu, Range bins)
    {
        (int first, int count) = bins.GetOffsetAndLength(_bins.Used);
        long blocked = 0;
        for (int bin = first; bin < first + count; bin++) blocked += _bins.Blocked(vcpu, bin);
        return count == 0 ? 0 : Math.Min(1, (double)blocked / (count * _bins.Width));
    }

    private void TakeEarly(long start)
    {
        if (_early.Count == 0) return;
        foreach (FaultTrace trace in _early) Take(trace, start);
        _early.Clear();
    }

    private void Take(FaultTrace trace, long start)
    {
        FaultSpan span = FaultSpan.Of(trace, start, _pages!.PageOf(trace.Address));
        _bins.Add(span);
        _spans.Offer(span);
        _pages.Demanded(span);
    }
}
