using System.Runtime.InteropServices;

namespace UffdActors.Abi;

/// <summary>The argument of UFFDIO_CONTINUE (<c>struct uffdio_continue</c>), field by field as in <c>linux/userfaultfd.h</c>.</summary>
#pragma warning disable CS1591, CA1051 // Names and visibility are the kernel's.
[StructLayout(LayoutKind.Sequential)]
public struct UffdioContinue
{
    public UffdioRange Range;
    public ulong Mode;

    /// <summary>Out: bytes mapped, or a negative errno.</summary>
    public long Mapped;
}
#pragma warning restore CS1591, CA1051
