using System.Runtime.InteropServices;

namespace UffdActors.Abi;

/// <summary>The argument of UFFDIO_COPY (<c>struct uffdio_copy</c>), field by field as in <c>linux/userfaultfd.h</c>.</summary>
#pragma warning disable CS1591, CA1051 // Names and visibility are the kernel's.
[StructLayout(LayoutKind.Sequential)]
public struct UffdioCopy
{
    public ulong Dst;
    public ulong Src;
    public ulong Len;
    public ulong Mode;

    /// <summary>Out: bytes copied, or a negative errno. Signed: EAGAIN with a positive count is a partial success.</summary>
    public long Copy;
}
#pragma warning restore CS1591, CA1051
