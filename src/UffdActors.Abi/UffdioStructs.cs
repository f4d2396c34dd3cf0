using System.Runtime.InteropServices;

namespace UffdActors.Abi;

// Argument structures of the ioctls, field by field as in linux/userfaultfd.h. Sizes and offsets are tested.
#pragma warning disable CS1591, CA1051 // Names and visibility are the kernel's.

[StructLayout(LayoutKind.Sequential)]
public struct UffdioApi
{
    public ulong Api;
    public ulong Features;
    public ulong Ioctls;
}

[StructLayout(LayoutKind.Sequential)]
public struct UffdioRange
{
    public ulong Start;
    public ulong Len;
}

[StructLayout(LayoutKind.Sequential)]
public struct UffdioRegister
{
    public UffdioRange Range;
    public ulong Mode;
    public ulong Ioctls;
}

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

[StructLayout(LayoutKind.Sequential)]
public struct UffdioZeroPage
{
    public UffdioRange Range;
    public ulong Mode;

    /// <summary>Out: bytes filled, or a negative errno.</summary>
    public long ZeroPage;
}

[StructLayout(LayoutKind.Sequential)]
public struct UffdioWriteProtect
{
    public UffdioRange Range;
    public ulong Mode;
}

[StructLayout(LayoutKind.Sequential)]
public struct UffdioContinue
{
    public UffdioRange Range;
    public ulong Mode;

    /// <summary>Out: bytes mapped, or a negative errno.</summary>
    public long Mapped;
}

[StructLayout(LayoutKind.Sequential)]
public struct UffdioPoison
{
    public UffdioRange Range;
    public ulong Mode;

    /// <summary>Out: bytes poisoned, or a negative errno.</summary>
    public long Updated;
}

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
