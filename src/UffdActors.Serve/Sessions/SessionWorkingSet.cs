using UffdActors.Model.Memory;
using UffdActors.Serve.Content;
using UffdActors.Serve.WorkingSets;

namespace UffdActors.Serve.Sessions;

/// <summary>A session's part in the working set of its snapshot: it records it, or has it fetched ahead.</summary>
/// <remarks>Any thread.</remarks>
internal sealed class SessionWorkingSet : IDisposable
{
    private readonly SnapshotWorkingSet _of;
    private readonly Action<SessionNote>? _observer;
    private readonly WorkingSet? _set;
    private readonly WorkingSetReplay _replay = new();
    private readonly ITimer? _timer;
    private int _hasEnded;

    /// <param name="of">The snapshot's.</param>
    /// <param name="content">The content of the snapshot.</param>
    /// <param name="observer">Told of what goes wrong.</param>
    public SessionWorkingSet(SnapshotWorkingSet of, IContent content, Action<SessionNote>? observer)
    {
        _of = of;
        _observer = observer;
        (bool records, _set) = of.Begin();
        if (_set is not null && _set.RegionPages != content.Pages)
        {
            observer?.Invoke(
                new SessionNote(
                    SessionNoteKind.Warning,
                    $"The working set is that of a snapshot of {_set.RegionPages} pages, and this one has {content.Pages}; nothing is "
                        + "fetched ahead. Record it anew."));
            _set = null;
        }

        Touched = new TouchedPages(content.Pages, _set?.Pages, records);
        Records = records;
        if (records) _timer = of.Time.CreateTimer(_ => End(), null, of.RecordFor, Timeout.InfiniteTimeSpan);
    }

    /// <summary>What the guest asks for.</summary>
    public TouchedPages Touched { get; }

    /// <summary>True if this session records.</summary>
    public bool Records { get; }

    /// <summary>The figures of now.</summary>
    public WorkingSetFigures Figures()
    {
        long late = Touched.Late;
        return new WorkingSetFigures
        {
            Pages = _replay.Pages,
            // A page that was asked for while it was on its way is late, whichever of the two has filled it.
            Fetched = Math.Max(0, Math.Min(_replay.Fetched, _replay.Pages - late)),
            Late = late,
            Missed = Touched.Missed,
            Recorded = Touched.Recorded,
        };
    }

    /// <summary>Begins to fetch ahead what there is to be fetched.</summary>
    /// <param name="uffd">What serves the guest.</param>
    /// <param name="source">Where its pages come from.</param>
    /// <param name="regions">Its regions; without those that nothing may be written to ahead.</param>
    public async Task BeginAsync(Userfault uffd, IPageSource source, IReadOnlyList<(GuestRegion Region, long FileOffset)> regions)
    {
        if (_set is null) return;
        List<(GuestRegion Region, WorkingSet Set)> parts = [];
        foreach ((GuestRegion region, long offset) in regions)
            parts.Add((
                region,
                WorkingSetReplay.PartOf(_set, offset >> PageSize.BaseShift, region.Pages, region.PageBytes >> PageSize.BaseShift)));
        await _replay.BeginAsync(uffd, source, parts, _of.BytesPerSecond);
    }

    /// <inheritdoc />
    /// <remarks>What has been recorded by then is the set.</remarks>
    public void Dispose()
    {
        _timer?.Dispose();
        End();
    }

    private void End()
    {
        if (!Records || Interlocked.Exchange(ref _hasEnded, 1) == 1) return;
        try
        {
            _of.Recorded(Touched.EndRecording());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _observer?.Invoke(new SessionNote(SessionNoteKind.Warning, $"The working set cannot be written: {e.Message}"));
        }
    }
}
