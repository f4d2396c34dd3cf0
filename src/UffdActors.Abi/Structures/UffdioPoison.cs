using System.Runtime.InteropServices;

namespace UffdActors.Abi;

/// <summary>The argument of UFFDIO_POISON (<c>struct uffdio_poison</c>), field by field as in <c>linux/userfaultfd.h</c>.</summary>
#pragma warning disable CS1591, CA1051 // Names and visibility are the kernel's.
[StructLayout(LayoutKind.Sequential)]
public struct UffdioPoison
{
    public UffdioRange Range;
    public ulong Mode;

    /// <summary>Out: bytes poisoned, or a negative errno.</summary>
    public long Updated;
}
#pragma warning restore CS1591, CA1051
