using UffdActors.Model.Mapping;
using UffdActors.Model.Operations;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Explore.Faults;

/// <summary>A call that ends in an exception in a turn of an owner.</summary>
internal sealed class OwnerCrash(Caller caller, Owner owner, FaultPoint point) : ControlOperation(caller)
{
    /// <summary>The points of this kind.</summary>
    public static IReadOnlyList<FaultPoint> Points { get; } =
        [FaultPoint.CrashVma, FaultPoint.CrashContext, FaultPoint.CrashSpace, FaultPoint.CrashBackend];

    /// <summary>The point for the owner that has just had a turn; null for an owner without one.</summary>
    public static FaultPoint? PointOf(Owner? owner) => owner switch
    {
        VmaOwner => FaultPoint.CrashVma,
        UserfaultContext => FaultPoint.CrashContext,
        AddressSpace => FaultPoint.CrashSpace,
        Backend => FaultPoint.CrashBackend,
        _ => null,
    };

    private protected override IEnumerable<Owner?> Stages()
    {
        yield return owner;
        throw new OwnerCrashException(point);
    }
}
