using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Operations.Files;

/// <summary>pwrite(2) of one byte: into the file's page, not through a mapping; the file grows if needed.</summary>
internal sealed class WriteFile : ControlOperation
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
