using System.Runtime.InteropServices;

namespace UffdActors.Kvm.Native;

/// <summary><c>struct kvm_sregs</c>: segments, tables and control registers.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KvmSregs
{
    public KvmSegment Cs;
    public KvmSegment Ds;
    public KvmSegment Es;
    public KvmSegment Fs;
    public KvmSegment Gs;
    public KvmSegment Ss;
    public KvmSegment Tr;
    public KvmSegment Ldt;
    public KvmDtable Gdt;
    public KvmDtable Idt;
    public ulong Cr0;
    public ulong Cr2;
    public ulong Cr3;
    public ulong Cr4;
    public ulong Cr8;
    public ulong Efer;
    public ulong ApicBase;
    public ulong InterruptBitmap0;
    public ulong InterruptBitmap1;
    public ulong InterruptBitmap2;
    public ulong InterruptBitmap3;
}
