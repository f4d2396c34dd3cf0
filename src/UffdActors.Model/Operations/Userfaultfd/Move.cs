using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Userfaultfd;

/// <summary>
/// UFFDIO_MOVE (SEMANTICS 5.8): moves private anonymous pages from one range to another, without copying.
/// Both VMAs are held for it (RING R6).
/// </summary>
internal class Move : ControlOperation
{
    private readonly UserfaultContext _context;
    private readonly ulong _destination;
    private readonly ulong _source;
    private readonly ulong _length;
    private readonly ulong _modes;
    private readonly ArgumentPointer _pointer;
    private long _moved;

    /// <summary>Makes the call.</summary>
    public Move(
        Caller caller,
        UserfaultContext context,
        ulong destination,
        ulong source,
        ulong length,
        ulong modes,
        ArgumentPointer pointer = ArgumentPointer.Good)
        : base(caller)
    {
        _context = context;
        _destination = destination;
        _source = source;
        _length = length;
        _modes = modes;
        _pointer = pointer;
    }

    /// <summary>The signed out field: bytes moved, or a negative errno; null if the kernel did not write it.</summary>
    public long? Out { get; private set; }

    private bool AllowsHoles => (_modes & (ulong)MoveModes.AllowSourceHoles) != 0;

    private protected override IEnumerable<Owner?> Stages()
    {
        Error = CheckArguments(out bool report);
        if (Error != Errno.None)
        {
            if (report) Report(-(long)Error);
            yield break;
        }

        AddressSpace mm = _context.Mm;
        foreach (Owner? next in Lock(mm)) yield return next;
        Errno error = CheckMappings(mm, out PageRange source, out PageRange destination);
        if (error == Errno.None)
        {
            List<VmaOwner> held = [];
            foreach (Owner? next in HoldBoth(mm, source, destination, held)) yield return next;
            for (long i = 0; i < source.Count && error == Errno.None; i++)
            {
                error = CheckTables(mm.PageTables, source.Start + i, destination.Start + i);
                if (error == Errno.None) error = Check(mm.EntryAt(source.Start + i), mm.EntryAt(destination.Start + i));
                if (error != Errno.None) break;
                PageRange page = new(source.Start + i, source.Start + i + 1);
                Entry entry = mm.EntryAt(page.Start);
                if (entry.Kind != EntryKind.None)
                {
                    mm.SetEntry(page.Start, Entry.None);
                    foreach (Owner? next in AwaitGuards(mm, page)) yield return next;
                    // A swap entry is moved unchanged; a page is mapped without write protection.
                    mm.SetEntry(destination.Start + i, entry.IsSwapped ? entry : entry.WithWp(false));
                }

                _moved += PageSize.Base;
            }

            foreach (Owner? next in Release(mm, held)) yield return next;
        }

        mm.Unlock();
        Report(_moved > 0 ? _moved : -(long)error);
        if (Out is > 0 && (_modes & (ulong)MoveModes.DontWake) == 0)
        {
            yield return _context;
            _context.Wake(_destination, _destination + (ulong)_moved);
        }
    }

    private Errno CheckArguments(out bool report)
    {
        report = false;
        if (!_context.IsInitialized) return Errno.EINVAL;
        if (_context.IsChanging)
        {
            report = _pointer == ArgumentPointer.Good;
            return report ? Errno.EAGAIN : Errno.EFAULT;
        }

        if (_pointer == ArgumentPointer.Null) return Errno.EFAULT;
        if (Caller.Mm != _context.Mm) return Errno.EINVAL;
        if (!ArgumentChecks.IsRange(_destination, _length) || !ArgumentChecks.IsRange(_source, _length)) return Errno.EINVAL;
        return ArgumentChecks.HasOnly(_modes, (ulong)(MoveModes.DontWake | MoveModes.AllowSourceHoles)) ? Errno.None : Errno.EINVAL;
    }

    private Errno CheckMappings(AddressSpace mm, out PageRange source, out PageRange destination)
    {
        source = PageRange.OfBytes(_source, _length);
        destination = PageRange.OfBytes(_destination, _length);
        Vma? to = mm.Map.Find(destination.Start);
        to?.PrepareAnon(mm.Map);
        if (to is null || mm.Map.Find(source.Start) is not { } origin) return Errno.ENOENT;
        if (_context.IsChanging) return Errno.EAGAIN;
        bool movable = origin.IsAnonymous && to.IsAnonymous
            && origin.Range.Contains(source) && to.Range.Contains(destination)
            && origin.Prot == to.Prot && (origin.Prot & Prot.Write) != 0
            && to.Context == _context;
        return movable ? Errno.None : Errno.EINVAL;
    }

    // Checked before the destination: a source without a page table is a hole, whatever is mapped at the destination.
    private Errno CheckTables(PageTables tables, long source, long destination)
    {
        if (!AllowsHoles && !tables.Exist(source)) return Errno.ENOENT;
        tables.Make(source);
        tables.Make(destination);
        return Errno.None;
    }

    private Errno Check(Entry source, Entry destination)
    {
        if (destination.Kind != EntryKind.None) return Errno.EEXIST;
        return source.Kind switch
        {
            EntryKind.None => AllowsHoles ? Errno.None : Errno.ENOENT,
            EntryKind.Zero => Errno.None,
            EntryKind.Anon => source.IsShared ? Errno.EBUSY : Errno.None,
            _ => Errno.EFAULT,
        };
    }

    private void Report(long result)
    {
        if (_pointer == ArgumentPointer.ReadOnly)
        {
            Error = Errno.EFAULT;
            return;
        }

        Out = result;
        if (result < 0) Error = (Errno)(-result);
        else Error = result == (long)_length ? Errno.None : Errno.EAGAIN;
    }

    /// <summary>Holds the VMAs of both places (RING R6). Starts and ends in a turn of the address space.</summary>
    [MutationPoint("RING R6")]
    internal virtual IEnumerable<Owner?> HoldBoth(AddressSpace mm, PageRange source, PageRange destination, List<VmaOwner> held) =>
        Hold(mm, source, held).Concat(Hold(mm, destination, held));
}
