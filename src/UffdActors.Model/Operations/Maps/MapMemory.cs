using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Operations.Maps;

/// <summary>mmap(2) with MAP_FIXED: replaces what is there.</summary>
internal sealed class MapMemory : MapCall
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
        List<UnmapEvent> events = [];
        foreach (Owner? next in Unmap(range, events)) yield return next;
        // The file's mmap check runs after the old mapping was removed; if it fails, the range stays unmapped.
        if (Error == Errno.None) Error = CheckFile();
        if (Error != Errno.None)
        {
            Mm.Unlock();
            foreach (Owner? next in Complete(events)) yield return next;
            yield break;
        }

        List<VmaOwner> held = [];
        foreach (Owner? next in Hold(Mm, range, held)) yield return next;
        MapEdit edit = new(Mm);
        edit.Add(new Vma(Mm.NewOwner())
        {
            Range = range,
            Prot = _request.Prot,
            File = file,
            IsShared = _request.Shared,
            MayWrite = _request.MayWrite,
            IsDroppable = _request.Droppable,
            IsAccounted = !_request.Shared && (_request.Prot & Prot.Write) != 0 && shift == PageSize.BaseShift,
            Offset = file is null ? range.Start : PageSize.PageOf(_request.Offset),
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
        if (length == 0 || length < _length || (_address & mask) != 0 || _request.Offset % PageSize.Base != 0) return Errno.EINVAL;
        if (_address > PageSize.TaskSize || length > PageSize.TaskSize - _address) return Errno.ENOMEM;
        range = PageRange.OfBytes(_address, length);
        return Errno.None;
    }

    private Errno CheckFile()
    {
        if (_request.File is not { Module: var module } file) return Errno.None;
        if (_request.Offset % (1UL << file.PageShift) != 0) return Errno.EINVAL;
        return module.TryCheckMapping(Mm.Machine, file, _request.Prot, _request.Shared);
    }
}
