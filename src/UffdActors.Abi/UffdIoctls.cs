using UffdActors.Abi;

namespace UffdActors;

/// <summary>
/// The ioctls as bits, <c>1 &lt;&lt; nr</c>: what UFFDIO_API and UFFDIO_REGISTER report, and what a memory module's table declares.
/// </summary>
#pragma warning disable CS1591 // The names are the documentation.
[Flags]
public enum UffdIoctls : ulong
{
    None = 0,
    Register = 1 << UffdioNumber.Register,
    Unregister = 1 << UffdioNumber.Unregister,
    Wake = 1 << UffdioNumber.Wake,
    Copy = 1 << UffdioNumber.Copy,
    ZeroPage = 1 << UffdioNumber.ZeroPage,
    Move = 1 << UffdioNumber.Move,
    WriteProtect = 1 << UffdioNumber.WriteProtect,
    Continue = 1 << UffdioNumber.Continue,
    Poison = 1 << UffdioNumber.Poison,
    Api = 1UL << UffdioNumber.Api,

    /// <summary>What UFFDIO_API reports: the calls that work on the context itself.</summary>
    OfContext = Register | Unregister | Api,

    /// <summary>What UFFDIO_REGISTER can report for base pages.</summary>
    OfRange = Wake | Copy | ZeroPage | Move | WriteProtect | Continue | Poison,

    /// <summary>What it can report as soon as a huge page is in the range.</summary>
    OfHugeRange = OfRange & ~(ZeroPage | Move),
}
#pragma warning restore CS1591
