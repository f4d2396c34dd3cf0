using UffdActors.Model.Mapping;

namespace UffdActors.Handling;

/// <summary>
/// Events that come in another order than that in which the map has changed. mremap gives up the lock of the address space before it queues
/// its events (SEMANTICS 6.6.3), so another thread can be faster with what it does at the new place: its REMOVE, or its REMAP, is read
/// before the REMAP that brings something there. It is kept until then. And the UNMAP of the old place comes last, when something else may
/// have moved in there.
/// </summary>
/// <remarks>
/// Pure; in turns of the context. What stays unexplained is of memory that other code has registered, or of the old place of
/// MREMAP_DONTUNMAP: it is forgotten when the place is unmapped or given to a region, and when there is too much of it. An UNMAP of the new
/// place that is read before its REMAP is not kept (Linux 6.18.44 gives that order, too): it names all that munmap was called for, also
/// what was never registered, so it would take what moves in there later in good order. The next fill there tells, by ENOENT.
/// </remarks>
internal sealed class OvertakingEvents
{
    private const int MostKept = 256;

    private readonly List<(PageRange Range, long? To)> _early = [];
    private readonly List<PageRange> _left = [];

    /// <summary>Pages were removed of which it is not known yet what they are.</summary>
    public void AddRemove(PageRange range) => Keep(_early, (range, null));

    /// <summary>Pages have moved of which it is not known yet what they are.</summary>
    public void AddRemap(PageRange from, long to) => Keep(_early, (from, to));

    /// <summary>A known range has moved away: one UNMAP of just it may follow, and says nothing of what is there by then.</summary>
    public void Left(PageRange range) => Keep(_left, range);

    /// <summary>An UNMAP has been read.</summary>
    /// <returns>True if it is that of a place that was moved from.</returns>
    public bool TakeLeft(PageRange range) => _left.Count > 0 && _left.Remove(range);

    /// <summary>A range is unmapped, or given to a region: what is known of it from before means nothing any more.</summary>
    public void Forget(PageRange range)
    {
        if (_left.Count > 0) _ = _left.RemoveAll(left => left.Intersects(range));
        while (TryTake(range, out _, out _))
        {
        }
    }

    /// <summary>
    /// Takes the oldest event of a range to which something has come. Of one that reaches beyond the range, the rest is kept.
    /// </summary>
    /// <param name="range">The range.</param>
    /// <param name="part">Its pages that the event is about.</param>
    /// <param name="to">Where they have moved on to; null if they were removed.</param>
    /// <returns>False if there is none.</returns>
    public bool TryTake(PageRange range, out PageRange part, out long? to)
    {
        int at = _early.Count == 0 ? -1 : _early.FindIndex(e => e.Range.Intersects(range));
        if (at < 0)
        {
            (part, to) = (default, null);
            return false;
        }

        (PageRange whole, long? target) = _early[at];
        part = whole.Intersect(range);
        to = target + part.Start - whole.Start;
        _early.RemoveAt(at);
        if (part.End < whole.End) _early.Insert(at, (whole with { Start = part.End }, target + part.End - whole.Start));
        if (whole.Start < part.Start) _early.Insert(at, (whole with { End = part.Start }, target));
        return true;
    }

    private static void Keep<T>(List<T> list, T item)
    {
        if (list.Count == MostKept) list.RemoveAt(0);
        list.Add(item);
    }
}
