using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Operations.Files;

/// <summary>fallocate(2) without a mode: pages of zeros; the file grows if needed, but not with KEEP_SIZE.</summary>
internal sealed class AllocateFile : ControlOperation
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
