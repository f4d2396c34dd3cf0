namespace UffdActors.Serve.WorkingSets;

/// <summary>The pages that a guest asks for, in order, each once: to be recorded, or held against a set that was. Any thread.</summary>
/// <param name="pages">Base pages of the memory file.</param>
/// <param name="set">The set that is replayed; null if none is.</param>
/// <param name="records">They are recorded.</param>
internal sealed class TouchedPages(long pages, IEnumerable<long>? set, bool records)
{
    private readonly Lock _gate = new();
    private readonly PageSet _seen = new(pages);
    private readonly PageSet? _set = SetOf(pages, set);
    private readonly List<long> _recorded = [];
    private bool _records = records;
    private long _late;
    private long _missed;

    /// <summary>Pages of the set that were asked for.</summary>
    public long Late => Volatile.Read(ref _late);

    /// <summary>Pages that were asked for and are not in the set.</summary>
    public long Missed => Volatile.Read(ref _missed);

    /// <summary>Pages that are recorded.</summary>
    public long Recorded
    {
        get
        {
            lock (_gate) return _recorded.Count;
        }
    }

    /// <summary>The guest asks for pages.</summary>
    public void Note(long page, int count)
    {
        lock (_gate)
        {
            for (long at = page; at < page + count; at++)
            {
                if (!_seen.Add(at)) continue;
                if (_records) _recorded.Add(at);
                if (_set is null) continue;
                if (_set.Contains(at)) _late++;
                else _missed++;
            }
        }
    }

    /// <summary>Ends the recording.</summary>
    /// <returns>What was recorded; null if nothing was, or the recording had ended.</returns>
    public WorkingSet? EndRecording()
    {
        lock (_gate)
        {
            bool isOver = !_records || _recorded.Count == 0;
            _records = false;
            return isOver ? null : new WorkingSet(pages, [.. _recorded]);
        }
    }

    private static PageSet? SetOf(long pages, IEnumerable<long>? set)
    {
        if (set is null) return null;
        PageSet all = new(pages);
        foreach (long page in set) _ = all.Add(page);
        return all;
    }
}
