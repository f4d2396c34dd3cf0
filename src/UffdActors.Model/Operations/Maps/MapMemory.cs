using UffdActors.Abi;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Operations.Maps;

/// <summary>What is to be mapped.</summary>
/// <param name="Prot">Protection.</param>
/// <param name="File">File, or null for private anonymous memory.</param>
/// <param name="Shared">MAP_SHARED; needs a file.</param>
/// <param name="Offset">Offset into the file in bytes.</param>
/// <param name="MayWrite">False if the descriptor was opened for reading only.</param>
/// <param name="Droppable">MAP_DROPPABLE: anonymous memory that the kernel may forget, and that no userfaultfd takes.</param>
public sealed record MapRequest(
    Prot Prot, MemoryFile? File = null, bool Shared = false, ulong Offset = 0, bool MayWrite = true, bool Droppable = false);

/// <summary>mmap(2) with MAP_FIXED: replaces what is there.</summary>
public sealed class MapMemory : MapCall
{
    private readonly ulong _address;
    private readonly ulong _length;
    private readonly MapRequest _request;

    /// <summary>Makes the call.</summary>
    public MapMemory(Caller caller, ulong address, ulong length, MapRequest request)
        : base(caller)
    {
        ArgumentNullException.ThrowIfNull(request);
        _address = address;
        _length = length;
        _request = request;
    }

    private protected override IEnumerable<Owner?> Stages()
    {
        MemoryFile? file = _request.File;
        int shift = file?.PageShift ?? PageSize.BaseShift;
        Error = CheckArguments(shift, out PageRange range);
        if (Error != Errno.None) yield break;

        foreach (Owner? next in Lock(Mm)) yield return next;
        if (CutsHugePage(range))
        {
            Error = Errno.EINVAL;
            Mm.Unlock();
            yield break;
        }

        List<UnmapEvent> events = [];
        foreach (Owner? next in Unmap(range, events)) yield return next;

        List<VmaOwner> held = [];
        foreach (Owner? next in Hold(Mm, range, held)) yield return next;
        MapEdit edit = new(Mm);
        edit.Add(new Vma
        {
            Range = range,
            Prot = _request.Prot,
            File = file,
            IsShared = _request.Shared,
            MayWrite = _request.MayWrite,
            IsDroppable = _request.Droppable,
            IsAccounted = !_request.Shared && (_request.Prot & Prot.Write) != 0 && shift == PageSize.BaseShift,
            Offset = file is null ? range.Start : PageSize.PageOf(_request.Offset),
            Owner = Mm.NewOwner(),
            Backend = file is null ? null : Mm.BackendOf(file.Module),
        });
        file?.AddMapper(Mm);
        file?.Module.TryOnMapped(Mm.Machine, file, _request.Prot, (long)_request.Offset + (range.Count << PageSize.BaseShift));
        _ = edit.Publish();
        foreach (Owner? next in Release(Mm, held)) yield return next;
        Mm.Unlock();
        foreach (Owner? next in Complete(events)) yield return next;
    }

    private Errno CheckArguments(int shift, out PageRange range)
    {
        ulong mask = (1UL << shift) - 1;
        ulong length = (_length + mask) & ~mask;
        range = default;
        if (length == 0 || length < _length || (_address & mask) != 0 || (_request.Offset & mask) != 0) return Errno.EINVAL;
        if (_address > PageSize.TaskSize || length > PageSize.TaskSize - _address) return Errno.ENOMEM;
        range = PageRange.OfBytes(_address, length);
        if (_request.File is not { Module: var module }) return Errno.None;
        return module.TryCheckMapping(Mm.Machine, _request.File, _request.Prot, _request.Shared);
    }
}

/// <summary>munmap(2): unmaps what is there.</summary>
public sealed class UnmapMemory : MapCall
{
    private readonly ulong _address;
    private readonly ulong _length;

    /// <summary>Makes the call.</summary>
    public UnmapMemory(Caller caller, ulong address, ulong length)
        : base(caller)
    {
        _address = address;
        _length = length;
    }

    private protected override IEnumerable<Owner?> Stages()
    {
        ulong length = (_length + PageSize.Base - 1) & ~(ulong)(PageSize.Base - 1);
        if (!ArgumentChecks.IsRange(_address, length))
        {
            Error = Errno.EINVAL;
            yield break;
        }

        PageRange range = PageRange.OfBytes(_address, length);
        List<UnmapEvent> events = [];
        foreach (Owner? next in Lock(Mm)) yield return next;
        if (CutsHugePage(range))
        {
            Error = Errno.EINVAL;
        }
        else
        {
            foreach (Owner? next in Unmap(range, events)) yield return next;
        }

        Mm.Unlock();
        foreach (Owner? next in Complete(events)) yield return next;
    }
}

/// <summary>mprotect(2). What lies before a hole or an error is changed, what lies behind is not.</summary>
public sealed class ProtectMemory : MapCall
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
        Error = Reach(range, out PageRange reached);
        if (!reached.IsEmpty)
        {
            List<VmaOwner> held = [];
            foreach (Owner? next in Hold(Mm, reached, held)) yield return next;
            MapEdit edit = new(Mm);
            edit.Change(reached, vma => vma.Prot == _prot ? vma : vma.WithProt(_prot));
            _ = edit.Publish();
            // A thread that is in the middle of an access by the old protection finishes it first.
            foreach (Owner? next in AwaitGuards(Mm, reached)) yield return next;
            foreach (Owner? next in Release(Mm, held)) yield return next;
        }

        Mm.Unlock();
    }

    private Errno Reach(PageRange range, out PageRange reached)
    {
        reached = range with { End = range.Start };
        foreach (Vma vma in Mm.Map.In(range))
        {
            if (vma.Range.Start > reached.End) return Errno.ENOMEM;
            PageRange inside = vma.Range.Intersect(range);
            if (vma.Prot != _prot)
            {
                if (vma.IsHuge && (inside.Start % vma.Stride != 0 || inside.End % vma.Stride != 0)) return Errno.EINVAL;
                if ((_prot & Prot.Write) != 0 && vma.IsShared && !vma.MayWrite) return Errno.EACCES;
                Errno refused = vma.File?.Module.TryCheckProtection(Mm.Machine, _prot, vma.IsShared) ?? Errno.None;
                if (refused != Errno.None) return refused;
            }

            reached = reached with { End = inside.End };
        }

        return reached.End < range.End ? Errno.ENOMEM : Errno.None;
    }
}
