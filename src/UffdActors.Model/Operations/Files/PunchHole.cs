using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Operations.Files;

/// <summary>fallocate(2) with PUNCH_HOLE and KEEP_SIZE.</summary>
internal class PunchHole : ControlOperation
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

    [MutationPoint("RING R5")]
    private protected override IEnumerable<Owner?> Stages()
    {
        Error = _offset < 0 || _length <= 0 ? Errno.EINVAL : _file.Module.TryCheckFileCall(Caller.Mm.Machine, FileCall.Punch);
        if (Error != Errno.None) yield break;
        foreach (Owner? next in FileZap.Punch(this, _file, _offset, _offset + _length)) yield return next;
    }
}
