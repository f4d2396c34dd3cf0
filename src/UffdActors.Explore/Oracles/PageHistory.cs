namespace UffdActors.Explore.Oracles;

/// <summary>
/// The history of eight bytes of one page as a register: each value that was read must be one that some order of the events allows, in
/// which every event lies between its start and its end (linearizability, after Wing and Gong, with Lowe's memory of states seen). Pages
/// are independent, so each is checked by itself, and histories are short.
/// </summary>
internal sealed class PageHistory
{
    private const int MostEvents = 30;

    private readonly List<PageEvent> _events = [];
    private readonly HashSet<(int Done, ulong Value, bool Present)> _seen = [];
    private bool _hasReads;

    /// <summary>The events so far.</summary>
    public IReadOnlyList<PageEvent> Events => _events;

    /// <summary>Clears the history.</summary>
    public void Clear()
    {
        _events.Clear();
        _hasReads = false;
    }

    /// <summary>Adds an event.</summary>
    public void Add(in PageEvent happened)
    {
        _events.Add(happened);
        _hasReads |= happened.Kind == PageEventKind.Read;
    }

    /// <summary>True if some order explains every read.</summary>
    /// <param name="initial">What the first load of the page finds.</param>
    /// <exception cref="InvalidOperationException">
    /// There are more events than the search is limited to; skipping them would look like a passed check.
    /// </exception>
    public bool IsExplained(ulong initial)
    {
        if (!_hasReads) return true;
        if (_events.Count > MostEvents)
            throw new InvalidOperationException(
                $"The history of a page has {_events.Count} events, and of {MostEvents} at the most every order is searched; make the "
                    + $"scenario shorter.");
        _seen.Clear();
        return Search(0, initial, present: false);
    }

    private bool Search(int done, ulong value, bool present)
    {
        if (AllReadsDone(done)) return true;
        if (!_seen.Add((done, value, present))) return false;

        // An event that ended before another began comes before it.
        int firstEnd = int.MaxValue;
        for (int i = 0; i < _events.Count; i++)
        {
            if ((done & (1 << i)) == 0) firstEnd = Math.Min(firstEnd, _events[i].End);
        }

        for (int i = 0; i < _events.Count; i++)
        {
            if ((done & (1 << i)) != 0 || _events[i].Start > firstEnd) continue;
            int now = done | (1 << i);
            switch (_events[i].Kind)
            {
                case PageEventKind.Read:
                    if (_events[i].Value == value && Search(now, value, present: true)) return true;
                    break;
                case PageEventKind.Write:
                    if (Search(now, _events[i].Value, present: true)) return true;
                    break;
                case PageEventKind.MayWrite:
                    if (Search(now, value, present) || Search(now, _events[i].Value, present: true)) return true;
                    break;
                case PageEventKind.Reset:
                    if (Search(now, 0, present: false)) return true;
                    break;
                case PageEventKind.MayComeAgain:
                    if (Search(now, 0, present: false) || Search(now, _events[i].Value, present: false)) return true;
                    break;
                case PageEventKind.MayReset:
                    if (Search(now, value, present) || Search(now, 0, present: false)
                        || (_events[i].Value != 0 && Search(now, _events[i].Value, present: false))) return true;
                    break;
                default:
                    // A touched page may have been filled by the reader's own fault; the history does not show whether it was present
                    // before.
                    if (Search(now, value, present) || (!present && Search(now, 0, present: false))) return true;
                    break;
            }
        }

        return false;
    }

    private bool AllReadsDone(int done)
    {
        for (int i = 0; i < _events.Count; i++)
        {
            if (_events[i].Kind == PageEventKind.Read && (done & (1 << i)) == 0) return false;
        }

        return true;
    }
}
