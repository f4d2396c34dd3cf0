using UffdActors.Model.Mapping;
using UffdActors.Model.Paging;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Userfaultfd;

/// <summary>
/// UFFDIO_WRITEPROTECT (SEMANTICS 5.7): walks the VMAs of a range in order and sets or clears protection; stops at the first that
/// has no WP mode, leaving the earlier ones changed. Reports no count.
/// </summary>
/// <remarks>
/// A range inside one VMA, which is what resolves a fault, goes straight to its owner. A range over several takes the lock of the
/// address space, so that it is one operation.
/// </remarks>
internal class WriteProtect : ControlOperation
{
    private readonly UserfaultContext _context;
    private readonly ulong _start;
    private readonly ulong _length;
    private readonly ulong _modes;
    private readonly ArgumentPointer _pointer;

    /// <summary>Makes the call.</summary>
    /// <param name="caller">Thread.</param>
    /// <param name="context">Context.</param>
    /// <param name="start">First address.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="modes">Bits of <see cref="WriteProtectModes"/>.</param>
    /// <param name="pointer">Argument structure.</param>
    public WriteProtect(
        Caller caller, UserfaultContext context, ulong start, ulong length, ulong modes, ArgumentPointer pointer = ArgumentPointer.Good)
        : base(caller)
    {
        _context = context;
        _start = start;
        _length = length;
        _modes = modes;
        _pointer = pointer;
    }

    /// <summary>The context that the call is made on.</summary>
    internal UserfaultContext On => _context;

    private bool Protects => (_modes & (ulong)WriteProtectModes.Protect) != 0;

    private bool DontWake => (_modes & (ulong)WriteProtectModes.DontWake) != 0;

    private protected override IEnumerable<Owner?> Stages()
    {
        Error = CheckArguments();
        if (Error != Errno.None) yield break;

        AddressSpace mm = _context.Mm;
        PageRange range = PageRange.OfBytes(_start, _length);
        if (mm.Map.Find(range.Start) is { } only && only.Range.Contains(range))
        {
            yield return only.Owner;
            while (only.Owner.IsHeld)
            {
                only.Owner.Stash(this);
                yield return null;
            }

            // The VMA has changed: fall through to the path under the lock.
            if (only.Owner.VmaAt(range.Start) is { } vma && vma.Range.Contains(range))
            {
                // Checked once more in the turn that changes the entries, as the kernel does under the lock that events take first.
                Error = _context.IsChanging ? Errno.EAGAIN : Check(vma, range);
                if (Error == Errno.None) Error = Apply(vma, range);
                foreach (Owner? next in Settle(mm, range, only.Owner)) yield return next;
                foreach (Owner? next in Wake(mm)) yield return next;
                yield break;
            }
        }

        foreach (Owner? next in Lock(mm)) yield return next;
        foreach (Owner? next in Walk(mm, range)) yield return next;
        mm.Unlock();
        foreach (Owner? next in Wake(mm)) yield return next;
    }

    private IEnumerable<Owner?> Walk(AddressSpace mm, PageRange range)
    {
        Vma[] vmas = mm.Map.In(range).ToArray();
        Error = _context.IsChanging ? Errno.EAGAIN : vmas.Length == 0 ? Errno.ENOENT : Errno.None;
        if (Error != Errno.None) vmas = [];
        foreach (Vma vma in vmas)
        {
            PageRange part = vma.Range.Intersect(range);
            Error = Check(vma, part);
            if (Error != Errno.None) break;
            yield return vma.Owner;
            Error = Apply(vma, part);
            if (Error != Errno.None) break;
            foreach (Owner? next in Settle(mm, part, vma.Owner)) yield return next;
        }

        yield return mm;
    }

    /// <summary>Waits for threads in the middle of a write: none may write after the page was protected (RING R8).</summary>
    private IEnumerable<Owner?> Settle(AddressSpace mm, PageRange range, VmaOwner owner)
    {
        if (!Protects || Error != Errno.None) yield break;
        while (mm.Guards.AnyIn(range)) yield return owner;
    }

    private IEnumerable<Owner?> Wake(AddressSpace mm)
    {
        if (Error != Errno.None) yield break;
        mm.RetrySpinning();
        if (Protects || DontWake) yield break;
        yield return _context;
        _context.Wake(_start, _start + _length);
    }

    private Errno CheckArguments()
    {
        if (!_context.IsInitialized) return Errno.EINVAL;
        if (_context.IsChanging) return Errno.EAGAIN;
        if (_pointer == ArgumentPointer.Null) return Errno.EFAULT;
        if (!ArgumentChecks.IsRange(_start, _length)) return Errno.EINVAL;
        if (!ArgumentChecks.HasOnly(_modes, (ulong)(WriteProtectModes.Protect | WriteProtectModes.DontWake))) return Errno.EINVAL;
        if (Protects && DontWake) return Errno.EINVAL;
        return _context.Mm.IsAlive ? Errno.None : Errno.ESRCH;
    }

    private Errno Check(Vma vma, PageRange part)
    {
        if (!vma.HasWp) return Errno.ENOENT;
        if (!vma.IsHuge) return Errno.None;
        ulong mask = (ulong)vma.PageBytes - 1;
        return ((_start | _length) & mask) != 0 ? Errno.EINVAL : Errno.None;
    }

    private Errno Apply(Vma vma, PageRange range)
    {
        Errno error = BeforeChange();
        if (error == Errno.None) Protection.Change(vma, range, Protects);
        return error;
    }

    /// <summary>Called in the turn that changes the entries, right before: no other turn of the owner comes in between.</summary>
    /// <returns>An errno leaves the entries unchanged.</returns>
    protected virtual Errno BeforeChange() => Errno.None;
}
