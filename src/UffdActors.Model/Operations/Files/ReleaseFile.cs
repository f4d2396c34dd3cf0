using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Operations.Files;

/// <summary>
/// The last reference to a file has gone: its pages are freed, from the end on, and none is promised to it any more. No call of user space,
/// so no module is asked; in parts, for a large file has many pages.
/// </summary>
internal sealed class ReleaseFile : ControlOperation
{
    private readonly MemoryFile _file;
    private readonly long _bytes;

    /// <summary>Makes the call.</summary>
    /// <param name="caller">Who makes it.</param>
    /// <param name="file">A file that is mapped nowhere.</param>
    /// <param name="bytes">Bytes from the start on that are left for later, whole pages.</param>
    public ReleaseFile(Caller caller, MemoryFile file, long bytes)
        : base(caller)
    {
        ArgumentNullException.ThrowIfNull(file);
        _file = file;
        _bytes = bytes;
    }

    private protected override IEnumerable<Owner?> Stages()
    {
        _file.Resize(Math.Min(_file.Bytes, _bytes));
        foreach (Owner? next in FileZap.Truncate(this, _file, _bytes >> _file.PageShift)) yield return next;
    }
}
