using System.Runtime.InteropServices;

namespace UffdActors.Abi;

/// <summary>The argument of UFFDIO_MOVE (<c>struct uffdio_move</c>), field by field as in <c>linux/userfaultfd.h</c>.</summary>
#pragma warning disable CS1591, CA1051 // Names and visibility are the kernel's.
[StructLayout(LayoutKind.Sequential)]
public struct UffdioMove
{
    public ulong Dst;
    public ulong Src;
    public ulong Len;
    public ulong Mode;

    /// <summary>Out: bytes moved, or a negative errno.</summary>
    public long Move;
}
#pragma warning restore CS1591, CA1051
