using System.Runtime.InteropServices;

namespace UffdActors.Linux.Native;

/// <summary>struct cmsghdr; what it announces follows it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ControlHeader
{
    /// <summary>Bytes of the structure, which its length counts.</summary>
    public const int Bytes = 16;

    public nuint Length;
    public int Level;
    public int Type;
}
