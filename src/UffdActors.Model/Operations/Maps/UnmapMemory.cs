using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Operations.Maps;

/// <summary>munmap(2): unmaps what is there.</summary>
internal sealed class UnmapMemory : MapCall
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
        foreach (Owner? next in Unmap(range, events)) yield return next;
        Mm.Unlock();
        foreach (Owner? next in Complete(events)) yield return next;
    }
}
