using System.Runtime.InteropServices;

namespace UffdActors.Abi;

/// <summary>
/// The argument of UFFDIO_UNREGISTER and UFFDIO_WAKE, and a part of the others (<c>struct uffdio_range</c>),
/// field by field as in <c>linux/userfaultfd.h</c>.
/// </summary>
#pragma warning disable CS1591, CA1051 // Names and visibility are the kernel's.
[StructLayout(LayoutKind.Sequential)]
public struct UffdioRange
{
    public ulong Start;
    public ulong Len;
}
#pragma warning restore CS1591, CA1051
