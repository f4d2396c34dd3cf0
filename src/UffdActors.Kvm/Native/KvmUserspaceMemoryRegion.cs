using System.Runtime.InteropServices;

namespace UffdActors.Kvm.Native;

/// <summary><c>struct kvm_userspace_memory_region</c>: a slot of guest memory.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KvmUserspaceMemoryRegion
{
    public uint Slot;
    public uint Flags;
    public ulong GuestPhysAddr;
    public ulong MemorySize;
    public ulong UserspaceAddr;
}
