using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Operations.Files;

/// <summary>ftruncate(2). Pages behind a new, lower end are removed from every mapping, private copies included.</summary>
internal sealed class TruncateFile : ControlOperation
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
        // hugetlbfs empties whatever lies behind the new end, also when the file grows: private pages may be there (COPY does not check the
        // end).
        if (!shorter && !huge) yield break;
        FileZap.ZeroPart(_file, _bytes, (_bytes + mask) & ~mask);
        foreach (Owner? next in FileZap.Truncate(this, _file, (_bytes + mask) >> _file.PageShift)) yield return next;
    }
}
