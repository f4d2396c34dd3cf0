namespace UffdActors.Linux.Native;

/// <summary>A descriptor of memory: memfd, hugetlb file, guest_memfd, or a file that was handed over.</summary>
public sealed class MemoryHandle : LinuxHandle
{
    internal MemoryHandle(int descriptor, bool owns = true)
        : base(descriptor, owns)
    {
    }
}
