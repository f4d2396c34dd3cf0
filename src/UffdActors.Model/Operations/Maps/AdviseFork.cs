using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Operations.Maps;

/// <summary>
/// madvise(2) with MADV_DONTFORK or MADV_DOFORK: whether a child gets the mapping. VMA after VMA; a hugetlb VMA that cannot be split at the
/// end of the range stays split at its start. Holes are skipped and reported with ENOMEM at the end.
/// </summary>
internal sealed class AdviseFork : MapCall
{
    private readonly ulong _address;
    private readonly ulong _length;
    private readonly bool _leaveOut;

    /// <summary>Makes the call.</summary>
    /// <param name="caller">Thread that calls.</param>
    /// <param name="address">First byte; a page boundary, or EINVAL.</param>
    /// <param name="length">Bytes; rounded up to pages.</param>
    /// <param name="leaveOut">True for MADV_DONTFORK.</param>
    public AdviseFork(Caller caller, ulong address, ulong length, bool leaveOut)
        : base(caller)
    {
        _address = address;
        _length = length;
        _leaveOut = leaveOut;
    }

    private protected override IEnumerable<Owner?> Stages()
    {
        if (!TryRange(_address, _length, out PageRange range))
        {
            Error = Errno.EINVAL;
            yield break;
        }

        if (range.IsEmpty) yield break;
        foreach (Owner? next in Lock(Mm)) yield return next;
        Error = Reach(range, out long reached, out long? split);
        List<VmaOwner> held = [];
        foreach (Owner? next in Hold(Mm, range, held)) yield return next;
        MapEdit edit = new(Mm);
        edit.Change(range with { End = reached }, vma => vma.IsLeftOutOfForks == _leaveOut ? vma : vma.WithForkAdvice(_leaveOut));
        if (split is { } at) edit.Split(at);
        _ = edit.Publish();
        foreach (Owner? next in Release(Mm, held)) yield return next;
        Mm.Unlock();
    }

    // The page at which the call stops, and where the VMA that it stops at has already been split.
    private Errno Reach(PageRange range, out long reached, out long? split)
    {
        reached = range.Start;
        split = null;
        Errno hole = Errno.None;
        foreach (Vma vma in Mm.Map.In(range))
        {
            PageRange part = vma.Range.Intersect(range);
            if (part.Start > reached) hole = Errno.ENOMEM;
            if (vma.IsLeftOutOfForks != _leaveOut && !(vma.CanSplitAt(part.Start) && vma.CanSplitAt(part.End)))
            {
                if (vma.CanSplitAt(part.Start)) split = part.Start;
                return Errno.EINVAL;
            }

            reached = part.End;
        }

        return reached < range.End ? Errno.ENOMEM : hole;
    }
}
