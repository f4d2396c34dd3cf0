namespace UffdActors.Explore.Oracles;

/// <summary>What happened to the content of a page.</summary>
internal enum PageEventKind
{
    /// <summary>A load found a value.</summary>
    Read,

    /// <summary>A store, or a fill with content of its own.</summary>
    Write,

    /// <summary>The same of a thread whose process has ended meanwhile: it may have come to that, or not.</summary>
    MayWrite,

    /// <summary>What was there is gone; zeros come instead.</summary>
    Reset,

    /// <summary>The same, but only if the page was not there yet.</summary>
    ResetIfAbsent,

    /// <summary>What was there is gone; zeros come instead, or what the event brings.</summary>
    MayComeAgain,

    /// <summary>
    /// What was there may be gone, for the page moved while the call that would take it went on, or only some kinds of pages go; zeros come
    /// then, or what the event brings.
    /// </summary>
    MayReset,
}

/// <summary>Something that happened to a page between two steps.</summary>
/// <param name="Kind">What.</param>
/// <param name="Value">The value that was read or written.</param>
/// <param name="Start">Step in which it began.</param>
/// <param name="End">Step in which its end was known; <see cref="int.MaxValue"/> if it never ended.</param>
internal readonly record struct PageEvent(PageEventKind Kind, ulong Value, int Start, int End);

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

    /// <summary>Forgets everything.</summary>
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
    /// There are more events than orders are searched of; passing them over would look like a check.
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

        // What has ended before another event began comes before it.
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
                    // A page that was touched may have been filled by nobody but its reader; whether it was there is not seen from here.
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
