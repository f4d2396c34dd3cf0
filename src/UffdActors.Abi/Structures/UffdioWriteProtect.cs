using System.Runtime.InteropServices;

namespace UffdActors.Abi;

/// <summary>
/// The argument of UFFDIO_WRITEPROTECT (<c>struct uffdio_writeprotect</c>),
/// field by field as in <c>linux/userfaultfd.h</c>.
/// </summary>
#pragma warning disable CS1591, CA1051 // Names and visibility are the kernel's.
[StructLayout(LayoutKind.Sequential)]
public struct UffdioWriteProtect
{
    public UffdioRange Range;
    public ulong Mode;
}
#pragma warning restore CS1591, CA1051
