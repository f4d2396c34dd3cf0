using System.Runtime.InteropServices;

namespace UffdActors.Abi;

/// <summary>The argument of UFFDIO_ZEROPAGE (<c>struct uffdio_zeropage</c>), field by field as in <c>linux/userfaultfd.h</c>.</summary>
#pragma warning disable CS1591, CA1051 // Names and visibility are the kernel's.
[StructLayout(LayoutKind.Sequential)]
public struct UffdioZeroPage
{
    public UffdioRange Range;
    public ulong Mode;

    /// <summary>Out: bytes filled, or a negative errno.</summary>
    public long ZeroPage;
}
#pragma warning restore CS1591, CA1051
