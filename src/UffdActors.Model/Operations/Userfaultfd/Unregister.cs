using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Paging;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Userfaultfd;

/// <summary>
/// UFFDIO_UNREGISTER (SEMANTICS 3.4). Publishes first and wakes afterwards (RING R1). Only parts that had MISSING wake their waiters:
/// a waiter of a range with WP or MINOR only sleeps until a WAKE is issued.
/// </summary>
internal class Unregister : ControlOperation
{
    private readonly UserfaultContext _context;
    private readonly ulong _start;
    private readonly ulong _length;
    private readonly ArgumentPointer _pointer;

    /// <summary>Makes the call.</summary>
    public Unregister(Caller caller, UserfaultContext context, ulong start, ulong length, ArgumentPointer pointer = ArgumentPointer.Good)
        : base(caller)
    {
        _context = context;
        _start = start;
        _length = length;
        _pointer = pointer;
    }

    private protected override IEnumerable<Owner?> Stages()
    {
        Error = CheckArguments();
        if (Error != Errno.None) yield break;

        AddressSpace mm = _context.Mm;
        PageRange range = PageRange.OfBytes(_start, _length);
        foreach (Owner? next in Lock(mm)) yield return next;
        Error = Registration.CheckUnregister(_context, range);
        if (Error != Errno.None)
        {
            mm.Unlock();
            yield break;
        }

        List<VmaOwner> held = [];
        List<PageRange> wake = [];
        foreach (Owner? next in Hold(mm, range, held)) yield return next;
        MapEdit edit = new(mm);
        long uncut = range.End;
        foreach (Vma vma in mm.Map.In(range))
        {
            if (vma.Context is null) continue;
            PageRange part = vma.Range.Intersect(range);
            if (vma.HasMissing) wake.Add(part);
            // A huge page counts as a whole, even if the range ends inside it.
            if (vma.HasWp) Protection.Change(vma, part with { End = vma.HeadOf(part.End + vma.Stride - 1) }, protect: false);
            // That of the last one only.
            if (part.End < vma.Range.End && part.End % vma.Stride != 0) uncut = part.Start;
        }

        // All VMAs in one change of the map, which is copied for each.
        edit.Change(range with { End = uncut }, v => v.Context is null ? v : v.WithRegistration(null, RegisterModes.None));
        if (uncut < range.End)
        {
            // The kernel finds this out when it splits: it splits at the start first, and that split stays.
            edit.Split(uncut);
            Error = Errno.EINVAL;
        }

        _ = edit.Publish();
        foreach (Owner? next in Release(mm, held)) yield return next;
        mm.Unlock();

        yield return _context;
        WakeParts(wake);
    }

    private Errno CheckArguments()
    {
        if (!_context.IsInitialized) return Errno.EINVAL;
        if (_pointer == ArgumentPointer.Null) return Errno.EFAULT;
        if (!ArgumentChecks.IsRange(_start, _length)) return Errno.EINVAL;
        return _context.Mm.IsAlive ? Errno.None : Errno.ENOMEM;
    }

    /// <summary>The range is not registered any more, and that is published: its waiters look again (RING R1).</summary>
    [MutationPoint("RING R1")]
    internal virtual void WakeParts(IReadOnlyList<PageRange> parts)
    {
        foreach (PageRange part in parts) _context.Wake(PageSize.AddressOf(part.Start), PageSize.AddressOf(part.End));
    }
}
