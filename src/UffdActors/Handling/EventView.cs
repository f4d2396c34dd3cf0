using UffdActors.Model.Mapping;

namespace UffdActors.Handling;

/// <summary>
/// The regions as the events read so far have left them, and those of another thread's events that were read before the move which they
/// follow (RING F13). Changed in turns of the context's actor.
/// </summary>
/// <param name="view">The regions at the start.</param>
internal sealed class EventView(RegionView view)
{
    private readonly OvertakingEvents _overtaking = new();
    private volatile RegionView _now = view;
    private long _epoch;

    /// <summary>The regions. Any thread.</summary>
    public RegionView Now => _now;

    /// <summary>Grows with every event that has been applied. Any thread.</summary>
    public long Epoch => Volatile.Read(ref _epoch);

    /// <summary>A region is served from here on. What was read about its place is not about it.</summary>
    public void Add(ServedRegion region)
    {
        _overtaking.Forget(region.Range);
        _now = _now.With(region);
    }

    /// <summary>A range is not mapped any more, of which no event need tell.</summary>
    /// <returns>True if something was served there.</returns>
    public bool Forget(PageRange range)
    {
        _overtaking.Forget(range);
        bool wasServed = _now.Meets(range);
        if (wasServed) _now = _now.AfterUnmap(range);
        return wasServed;
    }

    /// <summary>Pages of a region are taken away, wherever they are now, by a call of which no event tells.</summary>
    public void TakenAway(int region, PageRange pages)
    {
        foreach (ServedRegion part in _now.Regions)
        {
            if (part.Id == region) _ = _now.Remove(part.Range.Intersect(new PageRange(part.Base + pages.Start, part.Base + pages.End)));
        }

        Advance();
    }

    /// <summary>REMOVE.</summary>
    public void Removed(PageRange range)
    {
        if (_now.Remove(range)) return;
        foreach (PageRange unknown in _now.Unknown(range)) _overtaking.AddRemove(unknown);
    }

    /// <summary>UNMAP.</summary>
    public void Unmapped(PageRange range)
    {
        if (_overtaking.TakeLeft(range)) return;
        _overtaking.Forget(range);
        _now = _now.AfterUnmap(range);
    }

    /// <summary>REMAP.</summary>
    /// <param name="from">The old place.</param>
    /// <param name="to">First page of the new one.</param>
    public void Remapped(PageRange from, long to)
    {
        foreach (PageRange unknown in _now.Unknown(from)) _overtaking.AddRemap(unknown, to + unknown.Start - from.Start);
        Move(from, to);
        _overtaking.Left(from);
    }

    /// <summary>An event has been applied: what was decided before it has to be decided anew.</summary>
    public void Advance() => Volatile.Write(ref _epoch, _epoch + 1);

    /// <summary>A range has a new place. What has happened there already, and was read before this, is about what has come there.</summary>
    private void Move(PageRange from, long to)
    {
        _now = _now.AfterRemap(from, to);
        PageRange place = new(to, to + from.Count);
        while (_overtaking.TryTake(place, out PageRange part, out long? further))
        {
            if (further is { } next) Move(part, next);
            else _ = _now.Remove(part);
        }
    }
}
