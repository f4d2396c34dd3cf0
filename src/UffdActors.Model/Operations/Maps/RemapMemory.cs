using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Maps;

/// <summary>
/// mremap(2), in place or to a fixed address, with its events: first for what was mapped at the target, then the move, then a tail that was
/// cut off, then the old range; all of them after the whole change is done (SEMANTICS 6.8).
/// </summary>
internal sealed class RemapMemory : MapCall
{
    private readonly ulong _address;
    private readonly ulong _oldLength;
    private readonly ulong _newLength;
    private readonly RemapModes _modes;
    private readonly ulong _newAddress;
    private readonly List<UnmapEvent> _overwritten = [];
    private readonly List<UnmapEvent> _unmapped = [];
    private Moved? _moved;

    /// <summary>Makes the call.</summary>
    public RemapMemory(Caller caller, ulong address, ulong oldLength, ulong newLength, RemapModes modes, ulong newAddress = 0)
        : base(caller)
    {
        _address = address;
        _oldLength = (oldLength + PageSize.Base - 1) & ~(ulong)(PageSize.Base - 1);
        _newLength = (newLength + PageSize.Base - 1) & ~(ulong)(PageSize.Base - 1);
        _modes = modes;
        _newAddress = newAddress;
    }

    private bool IsFixed => (_modes & RemapModes.Fixed) != 0;

    private bool KeepsSource => (_modes & RemapModes.DontUnmap) != 0;

    private protected override IEnumerable<Owner?> Stages()
    {
        Error = CheckArguments();
        if (Error != Errno.None) yield break;

        foreach (Owner? next in Lock(Mm)) yield return next;
        PageRange origin = PageRange.OfBytes(_address, _oldLength);
        if (IsFixed)
        {
            foreach (Owner? next in _oldLength == _newLength
                ? MoveAll(origin)
                : MoveOne(origin, Pages(_newLength), PageSize.PageOf(_newAddress)))
                yield return next;
        }
        else
        {
            foreach (Owner? next in Resize(origin)) yield return next;
        }

        Mm.Unlock();

        foreach (Owner? next in Complete(_overwritten)) yield return next;
        if (_moved is { } moved)
        {
            if (Error == Errno.None)
            {
                ContextEvent remap = new(
                    UffdEvent.Remap,
                    PageSize.AddressOf(moved.From),
                    PageSize.AddressOf(moved.To),
                    (ulong)moved.Count << PageSize.BaseShift,
                    null,
                    this);
                foreach (Owner? next in Await(moved.Context, remap)) yield return next;
            }
            else
            {
                moved.Context.EndChange();
            }
        }

        foreach (Owner? next in Complete(_unmapped)) yield return next;
    }

    private Errno CheckArguments()
    {
        if (_address % PageSize.Base != 0 || _newLength == 0 || _newLength > PageSize.TaskSize) return Errno.EINVAL;
        if (!IsFixed) return Errno.None;
        if (_newAddress % PageSize.Base != 0 || _newAddress > PageSize.TaskSize - _newLength) return Errno.EINVAL;
        if (KeepsSource && _oldLength != _newLength) return Errno.EINVAL;
        PageRange origin = PageRange.OfBytes(_address, _oldLength);
        return origin.Intersects(PageRange.OfBytes(_newAddress, _newLength)) ? Errno.EINVAL : Errno.None;
    }

    /// <summary>Same size, fixed address: several VMAs may move together, but none that is registered.</summary>
    private IEnumerable<Owner?> MoveAll(PageRange range)
    {
        Vma[] vmas = Mm.Map.In(range).ToArray();
        if (vmas.Length == 0 || vmas[0].Range.Start > range.Start)
        {
            Error = Errno.EFAULT;
            yield break;
        }

        long shift = PageSize.PageOf(_newAddress) - range.Start;
        for (int i = 0; i < vmas.Length && Error == Errno.None; i++)
        {
            PageRange part = vmas[i].Range.Intersect(range);
            if (vmas[i].Context is not null && (i > 0 || part.End < range.End))
            {
                Error = Errno.EFAULT;
                yield break;
            }

            foreach (Owner? next in MoveOne(part, part.Count, part.Start + shift)) yield return next;
        }
    }

    private IEnumerable<Owner?> MoveOne(PageRange origin, long newCount, long to)
    {
        (origin, newCount) = WholePages(origin, newCount);
        Error = CheckMapping(origin, newCount, to, out _);
        if (Error != Errno.None) yield break;
        PageRange target = new(to, to + newCount);
        foreach (Owner? next in Unmap(target, _overwritten)) yield return next;
        if (Error != Errno.None) yield break;
        if (newCount < origin.Count)
        {
            PageRange tail = origin with { Start = origin.Start + newCount };
            foreach (Owner? next in Unmap(tail, _unmapped)) yield return next;
            if (Error != Errno.None) yield break;
            origin = origin with { End = tail.Start };
        }

        if (Mm.Map.Find(origin.Start) is not { } vma)
        {
            Error = Errno.EFAULT;
            yield break;
        }

        foreach (Owner? next in Transfer(vma, origin, target)) yield return next;
    }

    /// <summary>
    /// Moves the mapping with all its entries. The old range is unpublished first, so that no thread reads entries that are being moved.
    /// </summary>
    private IEnumerable<Owner?> Transfer(Vma vma, PageRange origin, PageRange target)
    {
        var context = (UserfaultContext?)vma.Context;
        bool keepsRegistration = context is not null && (context.Features & UffdFeatures.EventRemap) != 0;
        if (keepsRegistration) context!.BeginChange();
        AnonVma? anon = vma.Anon;
        // Memory without a private page yet gets the page offsets of its new place, so that it can merge there.
        long offset = vma.IsAnonymous && anon is null ? target.Start : vma.Offset + origin.Start - vma.Range.Start;
        PageRange? deregistered = context is null || keepsRegistration ? null : MergedWhileBothExist(vma, target, offset, anon);
        // An old range that has lost its registration together with the new one is unmapped without an event.
        bool oldIsRegistered = deregistered is not { } lost || !lost.Contains(origin);
        if (!KeepsSource && oldIsRegistered && context is not null && (context.Features & UffdFeatures.EventUnmap) != 0)
        {
            context.BeginChange();
            _unmapped.Add(new UnmapEvent(context, origin));
        }

        List<VmaOwner> held = [];
        foreach (Owner? next in Hold(Mm, origin, held)) yield return next;
        foreach (Owner? next in Hold(Mm, target, held)) yield return next;
        List<(long Offset, Entry Entry)> entries = [];
        MapEdit removal = new(Mm);
        removal.Change(origin, _ => null);
        if (KeepsSource)
        {
            // Only the entries are moved; the mapping stays. Wait for the guards of threads that still use old entries.
            Collect(vma, origin, entries);
            foreach (Owner? next in AwaitGuards(Mm, origin)) yield return next;
        }
        else
        {
            _ = removal.Publish();
            foreach (Owner? next in AwaitGuards(Mm, origin)) yield return next;
            Collect(vma, origin, entries);
        }

        // A thread that has faulted meanwhile may have made the anon_vma.
        if (anon is null && vma.Anon is { } prepared) (anon, offset) = (prepared, vma.Offset + origin.Start - vma.Range.Start);
        if (!vma.IsHuge) Mm.PageTables.MakeMoved(origin, target.Start);
        foreach ((long at, Entry entry) in entries)
        {
            Entry moved = context is null || keepsRegistration ? entry : WithoutProtection(entry);
            Mm.SetEntry(target.Start + at, moved);
        }

        MapEdit addition = new(Mm);
        addition.Add(vma.MovedTo(target, offset, Mm.NewOwner(), vma.Backend, anon));
        if (deregistered is { } range)
        {
            foreach (Vma part in addition.Map.In(range).ToArray()) addition.Exchange(part, part.WithRegistration(null, RegisterModes.None));
        }

        if (KeepsSource && vma.Range == origin && addition.Map.Find(origin.Start) is { } source && source.Range == origin)
            addition.Exchange(source, source.MovedTo(source.Range, source.Offset, source.Owner, source.Backend, null));
        _ = addition.Publish();
        if (!KeepsSource) Mm.PageTables.FreeUnmapped(origin, Mm.Map);
        else if (vma.Range == origin && (context is null || keepsRegistration)) Mm.PageTables.FreeMovedWhole(origin, target.Start, Mm.Map);
        if (keepsRegistration) _moved = new Moved(context!, origin.Start, target.Start, origin.Count);
        foreach (Owner? next in Release(Mm, held)) yield return next;
    }

    /// <summary>
    /// The kernel adds the new place while the old one is still there, and drops the registration of the VMA that the new place was merged
    /// into. That may be the VMA that is moved from, whose other parts then lose their registration too.
    /// </summary>
    private PageRange MergedWhileBothExist(Vma vma, PageRange target, long offset, AnonVma? anon)
    {
        MapEdit copy = new(Mm);
        copy.Add(vma.MovedTo(target, offset, vma.Owner, vma.Backend, anon));
        return copy.Map.Find(target.Start)!.Range;
    }

    private void Collect(Vma vma, PageRange origin, List<(long Offset, Entry Entry)> entries)
    {
        for (long page = origin.Start; page < origin.End;)
        {
            Entry entry = new(Mm.Entries.Run(page, origin.End, out long length));
            long step = vma.IsHuge ? vma.Stride : entry.Kind == EntryKind.None ? length : 1;
            if (entry.Kind != EntryKind.None)
            {
                entries.Add((page - origin.Start, entry));
                Mm.SetEntry(page, Entry.None);
            }

            page += step;
        }
    }

    private static Entry WithoutProtection(Entry entry) => entry.Kind == EntryKind.WpMarker ? Entry.None : entry.WithWp(false);

    private IEnumerable<Owner?> Resize(PageRange origin)
    {
        (origin, long newCount) = WholePages(origin, Pages(_newLength));
        Error = CheckMapping(origin, newCount, PageSize.PageOf(_newAddress), out Vma? vma);
        if (Error != Errno.None || newCount == origin.Count) yield break;
        if (newCount < origin.Count)
        {
            PageRange tail = origin with { Start = origin.Start + newCount };
            foreach (Owner? next in Unmap(tail, _unmapped)) yield return next;
            yield break;
        }

        PageRange grown = new(origin.End, origin.Start + newCount);
        if (vma!.Range.End != origin.End || Mm.Map.In(grown).Length > 0)
        {
            Error = Errno.ENOMEM;
            yield break;
        }

        List<VmaOwner> held = [];
        foreach (Owner? next in Hold(Mm, grown, held)) yield return next;
        MapEdit edit = new(Mm);
        edit.Exchange(vma, vma.Grown(grown.End));
        edit.MergeBehind(grown.End);
        _ = edit.Publish();
        foreach (Owner? next in Release(Mm, held)) yield return next;
    }

    private Errno CheckMapping(PageRange origin, long newCount, long to, out Vma? vma)
    {
        vma = Mm.Map.Find(origin.Start);
        if (vma is null) return Errno.EFAULT;
        if (vma.IsHuge)
        {
            long stride = vma.Stride;
            if (origin.Start % stride != 0 || (IsFixed && to % stride != 0)) return Errno.EINVAL;
            // Huge-page reservations allow neither a second mapping nor growth.
            if (KeepsSource || newCount > origin.Count) return Errno.EINVAL;
        }

        bool growsOrMoves = IsFixed || newCount > origin.Count;
        if (!growsOrMoves) return Errno.None;
        long needed = Math.Min(origin.Count, newCount);
        return needed > vma.Range.End - origin.Start ? Errno.EFAULT : Errno.None;
    }

    /// <summary>Lengths of hugetlb memory are rounded up to its pages; addresses are not.</summary>
    private (PageRange Origin, long NewCount) WholePages(PageRange origin, long newCount)
    {
        if (Mm.Map.Find(origin.Start) is not { IsHuge: true, Stride: long stride }) return (origin, newCount);
        return (origin with { End = origin.Start + RoundUp(origin.Count) }, RoundUp(newCount));

        long RoundUp(long pages) => (pages + stride - 1) / stride * stride;
    }

    private static long Pages(ulong bytes) => (long)(bytes >> PageSize.BaseShift);

    private sealed record Moved(UserfaultContext Context, long From, long To, long Count);
}
