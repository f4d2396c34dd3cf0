using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Paging;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Operations.Maps;

/// <summary>mprotect(2). What lies before a hole or an error is changed, what lies behind is not.</summary>
internal sealed class ProtectMemory : MapCall
{
    private readonly ulong _address;
    private readonly ulong _length;
    private readonly Prot _prot;

    /// <summary>Makes the call.</summary>
    public ProtectMemory(Caller caller, ulong address, ulong length, Prot prot)
        : base(caller)
    {
        _address = address;
        _length = length;
        _prot = prot;
    }

    private protected override IEnumerable<Owner?> Stages()
    {
        if (_address % PageSize.Base != 0)
        {
            Error = Errno.EINVAL;
            yield break;
        }

        ulong length = (_length + PageSize.Base - 1) & ~(ulong)(PageSize.Base - 1);
        if (length == 0) yield break;
        if (!ArgumentChecks.IsRange(_address, length))
        {
            Error = Errno.ENOMEM;
            yield break;
        }

        PageRange range = PageRange.OfBytes(_address, length);
        foreach (Owner? next in Lock(Mm)) yield return next;
        Error = Reach(range, out PageRange reached, out long? split);
        if (!reached.IsEmpty || split is not null)
        {
            List<VmaOwner> held = [];
            foreach (Owner? next in Hold(Mm, reached with { End = Math.Max(reached.End, split ?? 0) }, held)) yield return next;
            foreach (Vma vma in Mm.Map.In(reached).ToArray())
            {
                if (vma.Prot != _prot) Protection.AfterMprotect(vma, vma.Range.Intersect(reached), (_prot & Prot.Write) != 0);
            }

            MapEdit edit = new(Mm);
            edit.Change(reached, vma => vma.Prot == _prot ? vma : vma.WithProt(_prot));
            if (split is { } at) edit.Split(at);
            _ = edit.Publish();
            // Wait for threads that are in the middle of an access under the old protection.
            foreach (Owner? next in AwaitGuards(Mm, reached)) yield return next;
            foreach (Owner? next in Release(Mm, held)) yield return next;
        }

        Mm.Unlock();
    }

    // The page at which the call stops, and where the VMA there has already been split: it is split at its start before its end.
    private Errno Reach(PageRange range, out PageRange reached, out long? split)
    {
        reached = range with { End = range.Start };
        split = null;
        foreach (Vma vma in Mm.Map.In(range))
        {
            if (vma.Range.Start > reached.End) return Errno.ENOMEM;
            PageRange inside = vma.Range.Intersect(range);
            if (vma.Prot != _prot)
            {
                if ((_prot & Prot.Write) != 0 && vma.IsShared && !vma.MayWrite) return Errno.EACCES;
                Errno refused = vma.File?.Module.TryCheckProtection(Mm.Machine, _prot, vma.IsShared) ?? Errno.None;
                if (refused != Errno.None) return refused;
                if (!vma.CanSplitAt(inside.Start)) return Errno.EINVAL;
                if (!vma.CanSplitAt(inside.End))
                {
                    split = inside.Start;
                    return Errno.EINVAL;
                }
            }

            reached = reached with { End = inside.End };
        }

        return reached.End < range.End ? Errno.ENOMEM : Errno.None;
    }
}
