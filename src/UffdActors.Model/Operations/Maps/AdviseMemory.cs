using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Paging;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Maps;

/// <summary>
/// madvise(2) (SEMANTICS 4.4, 6.7). A registered part raises REMOVE, if asked for, and waits until it has been
/// read <em>before</em> its pages are freed; part after part. Holes are skipped and reported with ENOMEM at the end.
/// </summary>
internal sealed class AdviseMemory : MapCall
{
    private readonly ulong _address;
    private readonly ulong _length;
    private readonly Advice _advice;
    private long _reached;
    private PageRange _emptied;

    /// <summary>Makes the call.</summary>
    public AdviseMemory(Caller caller, ulong address, ulong length, Advice advice)
        : base(caller)
    {
        _address = address;
        _length = length;
        _advice = advice;
    }

    /// <summary>
    /// Pages that MADV_DONTNEED has emptied so far, with holes between them. The kernel flushes their TLB entries when the call ends: until
    /// then an access may find what was there (SEMANTICS 6.7.9).
    /// </summary>
    public PageRange Emptied => _advice == Advice.DontNeed ? _emptied : default;

    private protected override IEnumerable<Owner?> Stages()
    {
        if (!TryRange(_address, _length, out PageRange range))
        {
            Error = Errno.EINVAL;
            yield break;
        }

        Errno hole = Errno.None;
        yield return Mm;
        for (long page = range.Start; page < range.End;)
        {
            ReadOnlySpan<Vma> rest = Mm.Map.In(new PageRange(page, range.End));
            if (rest.Length == 0)
            {
                hole = Errno.ENOMEM;
                break;
            }

            Vma vma = rest[0];
            if (vma.Range.Start > page) hole = Errno.ENOMEM;
            PageRange part = vma.Range.Intersect(range with { Start = page });
            _reached = part.End;
            foreach (Owner? next in One(vma, part)) yield return next;
            if (Error != Errno.None) yield break;
            page = _reached;
            yield return Mm;
        }

        Error = hole;
    }

    private IEnumerable<Owner?> One(Vma vma, PageRange part)
    {
        if (_advice == Advice.Remove)
        {
            Error = vma.IsAnonymous ? Errno.EINVAL : !vma.IsShared || !vma.MayWrite ? Errno.EACCES : Errno.None;
            if (Error != Errno.None) yield break;
            MemoryFile file = vma.File!;
            long offset = part.Start - vma.Range.Start + vma.Offset;
            foreach (Owner? next in Announce(vma, part)) yield return next;
            foreach (Owner? next in FileZap.Punch(this, file, offset << PageSize.BaseShift, (offset + part.Count) << PageSize.BaseShift))
                yield return next;
            yield break;
        }

        if (!TryTrim(vma, ref part))
        {
            Error = Errno.EINVAL;
            yield break;
        }

        if (part.IsEmpty || (_advice == Advice.PageOut && !Mm.Machine.Profile.Swap)) yield break;
        if (_advice != Advice.PageOut && vma.Context is { } context && (context.Features & UffdFeatures.EventRemove) != 0)
        {
            foreach (Owner? next in Announce(vma, part)) yield return next;

            // The lock was dropped while the event was unread: look the mapping up again.
            yield return Mm;
            if (Mm.Map.Find(part.Start) is not { } now)
            {
                Error = Errno.ENOMEM;
                yield break;
            }

            vma = now;
            if (!TryTrim(vma, ref part))
            {
                Error = Errno.EINVAL;
                yield break;
            }

            // If the mapping was split meanwhile, the rest of the range raises another event.
            part = part.Intersect(vma.Range);
            _reached = part.End;
        }

        if (_advice == Advice.Free && !vma.IsAnonymous)
        {
            Error = Errno.EINVAL;
            yield break;
        }

        foreach (Owner? next in Take(part)) yield return next;
        _emptied = _emptied.IsEmpty ? part : _emptied with { End = part.End };
    }

    // hugetlb takes whole pages only: the start must be aligned, the end is rounded down; and it has neither MADV_FREE nor swap.
    private bool TryTrim(Vma vma, ref PageRange part)
    {
        if (!vma.IsHuge) return true;
        if (_advice is Advice.Free or Advice.PageOut || part.Start % vma.Stride != 0) return false;
        part = part with { End = part.End - (part.End % vma.Stride) };
        return true;
    }

    private IEnumerable<Owner?> Announce(Vma vma, PageRange part)
    {
        if (vma.Context is not UserfaultContext context || (context.Features & UffdFeatures.EventRemove) == 0) yield break;
        context.BeginChange();
        ContextEvent remove = new(UffdEvent.Remove, PageSize.AddressOf(part.Start), PageSize.AddressOf(part.End), 0, null, this);
        foreach (Owner? next in Await(context, remove)) yield return next;
    }

    private IEnumerable<Owner?> Take(PageRange part)
    {
        foreach (Owner? next in Lock(Mm)) yield return next;
        foreach (Vma vma in Mm.Map.In(part).ToArray())
        {
            PageRange inside = vma.Range.Intersect(part);
            yield return vma.Owner;
            switch (_advice)
            {
                case Advice.DontNeed:
                    Zap.Run(vma, inside, ZapCause.DontNeed);
                    if (!vma.IsHuge) Mm.PageTables.FreeEmptied(inside);
                    break;
                case Advice.PageOut:
                    SwapOut.Run(vma, inside);
                    break;
                default:
                    FreeLazily(vma, inside);
                    break;
            }

            while (Mm.Guards.AnyIn(inside)) yield return vma.Owner;
            vma.Owner.Settle();
        }

        yield return Mm;
        Mm.Unlock();
        Mm.RetrySpinning();
    }

    // Pages would be freed under memory pressure only; poison markers and swap entries are dropped at once.
    private void FreeLazily(Vma vma, PageRange range)
    {
        for (long page = range.Start; page < range.End;)
        {
            Entry entry = new(Mm.Entries.Run(page, range.End, out long length));
            if (entry.Kind == EntryKind.Poison || entry.IsSwapped) Mm.Entries.Fill(page, length, Entry.None.Word);
            if (entry.IsSwapped) vma.Owner.FreeLater(vma.Store, entry.Folio, new PageRange(page, page + 1));
            page += length;
        }
    }
}
