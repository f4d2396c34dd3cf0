using System.Runtime.InteropServices;

namespace UffdActors.Kvm.Native;

/// <summary><c>struct kvm_msr_entry</c>: one model-specific register.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KvmMsrEntry
{
    public uint Index;
    public uint Reserved;
    public ulong Data;
}
