using UffdActors.Abi;
using UffdActors.Model.Backends;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Operations.Files;

/// <summary>fallocate(2) without a mode: pages of zeros, and a longer file if need be; with KEEP_SIZE, a file as long as it was.</summary>
public sealed class AllocateFile : ControlOperation
{
    private readonly MemoryFile _file;
    private readonly long _offset;
    private readonly long _length;
    private readonly bool _keepSize;

    /// <summary>Makes the call; offset and length in bytes.</summary>
    public AllocateFile(Caller caller, MemoryFile file, long offset, long length, bool keepSize = false)
        : base(caller)
    {
        ArgumentNullException.ThrowIfNull(file);
        _keepSize = keepSize;
        _file = file;
        _offset = offset;
        _length = length;
    }

    private protected override IEnumerable<Owner?> Stages()
    {
        Error = _offset < 0 || _length <= 0
            ? Errno.EINVAL
            : _file.Module.TryCheckFileCall(Caller.Mm.Machine, _keepSize ? FileCall.AllocateInside : FileCall.Allocate);
        if (Error != Errno.None) yield break;
        int shift = _file.PageShift;
        long end = (_offset + _length + (1L << shift) - 1) >> shift;
        bool huge = shift != PageSize.BaseShift;
        for (long index = _offset >> shift; index < end && Error == Errno.None; index++) Error = _file.EnsurePage(index, upToDate: huge);
        if (Error == Errno.ENOMEM) Error = Errno.ENOSPC;
        else if (!_keepSize && _offset + _length > _file.Bytes) _file.Resize(_offset + _length);
    }
}

/// <summary>fallocate(2) with PUNCH_HOLE and KEEP_SIZE.</summary>
public class PunchHole : ControlOperation
{
    private readonly MemoryFile _file;
    private readonly long _offset;
    private readonly long _length;

    /// <summary>Makes the call; offset and length in bytes.</summary>
    public PunchHole(Caller caller, MemoryFile file, long offset, long length)
        : base(caller)
    {
        ArgumentNullException.ThrowIfNull(file);
        _file = file;
        _offset = offset;
        _length = length;
    }

    private protected override IEnumerable<Owner?> Stages()
    {
        Error = _offset < 0 || _length <= 0 ? Errno.EINVAL : _file.Module.TryCheckFileCall(Caller.Mm.Machine, FileCall.Punch);
        if (Error != Errno.None) yield break;
        foreach (Owner? next in FileZap.Punch(this, _file, _offset, _offset + _length)) yield return next;
    }
}

/// <summary>ftruncate(2). What a shorter file loses is lost in every mapping, private copies included.</summary>
public sealed class TruncateFile : ControlOperation
{
    private readonly MemoryFile _file;
    private readonly long _bytes;

    /// <summary>Makes the call.</summary>
    public TruncateFile(Caller caller, MemoryFile file, long bytes)
        : base(caller)
    {
        ArgumentNullException.ThrowIfNull(file);
        _file = file;
        _bytes = bytes;
    }

    private protected override IEnumerable<Owner?> Stages()
    {
        long mask = (1L << _file.PageShift) - 1;
        bool huge = _file.PageShift != PageSize.BaseShift;
        Error = _bytes < 0 || (huge && (_bytes & mask) != 0)
            ? Errno.EINVAL
            : _file.Module.TryCheckFileCall(Caller.Mm.Machine, FileCall.Truncate);
        if (Error != Errno.None) yield break;
        bool shorter = _bytes < _file.Bytes;
        _file.Resize(_bytes);
        // hugetlbfs empties whatever lies behind the new end, also when the file grows: private pages may be there (COPY takes no notice of
        // the end).
        if (!shorter && !huge) yield break;
        FileZap.ZeroPart(_file, _bytes, (_bytes + mask) & ~mask);
        foreach (Owner? next in FileZap.Truncate(this, _file, (_bytes + mask) >> _file.PageShift)) yield return next;
    }
}

/// <summary>pwrite(2) of one byte: into the file's page, not through a mapping; a longer file if need be.</summary>
public sealed class WriteFile : ControlOperation
{
    private readonly MemoryFile _file;
    private readonly long _offset;
    private readonly byte _value;

    /// <summary>Makes the call.</summary>
    public WriteFile(Caller caller, MemoryFile file, long offset, byte value)
        : base(caller)
    {
        ArgumentNullException.ThrowIfNull(file);
        _file = file;
        _offset = offset;
        _value = value;
    }

    private protected override IEnumerable<Owner?> Stages()
    {
        Error = _offset < 0 ? Errno.EINVAL : _file.Module.TryCheckFileCall(Caller.Mm.Machine, FileCall.Write);
        if (Error != Errno.None) yield break;
        long index = _offset >> _file.PageShift;
        Error = _file.EnsurePage(index);
        if (Error == Errno.ENOMEM) Error = Errno.ENOSPC;
        if (Error != Errno.None) yield break;
        _file.Store.WriteByte(_file.SlotAt(index).Folio, (int)(_offset & ((1L << _file.PageShift) - 1)), _value);
        if (_offset >= _file.Bytes) _file.Resize(_offset + 1);
    }
}
