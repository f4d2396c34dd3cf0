using System.Runtime.InteropServices;

namespace UffdActors.Linux.Native;

/// <summary>struct iovec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IoVector
{
    public void* Address;
    public nuint Bytes;
}
