using System.Runtime.InteropServices;
using UffdActors.Linux;

namespace UffdActors.Kvm.Native;

/// <summary>
/// The <c>struct kvm_run</c> of a vCPU, shared with the kernel. It is always present, so managed code may touch it.
/// </summary>
/// <remarks>For the vCPU's own thread, but for <see cref="ImmediateExit"/>.</remarks>
internal sealed unsafe class RunPage : SafeHandle
{
    private const int ReadWrite = 3;
    private const int Shared = 1;
    private readonly int _bytes;

    private RunPage(nint address, int bytes)
        : base(-1, ownsHandle: true)
    {
        SetHandle(address);
        _bytes = bytes;
    }

    /// <inheritdoc />
    public override bool IsInvalid => handle == -1;

    /// <summary>While it is set KVM_RUN completes a pending exit, runs no guest code and gives EINTR.</summary>
    public bool ImmediateExit
    {
        set
        {
            bool taken = false;
            DangerousAddRef(ref taken);
            Volatile.Write(ref *(byte*)(handle + RunLayout.ImmediateExit), value ? (byte)1 : (byte)0);
            DangerousRelease();
        }
    }

    /// <summary>Why KVM_RUN has returned.</summary>
    public uint ExitReason => Word32(RunLayout.ExitReason);

    /// <summary>Maps it.</summary>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public static RunPage Map(int vcpu, int bytes)
    {
        nint address = Libc.MMap(0, (nuint)bytes, ReadWrite, Shared, vcpu, 0);
        return address != -1 ? new RunPage(address, bytes) : throw new SyscallException("mmap(kvm_run)", Libc.LastError);
    }

    /// <summary>A field of one byte.</summary>
    public byte Byte(int offset) => At(offset, 1)[0];

    /// <summary>A field of two bytes.</summary>
    public ushort Word16(int offset) => MemoryMarshal.Read<ushort>(At(offset, 2));

    /// <summary>A field of four bytes.</summary>
    public uint Word32(int offset) => MemoryMarshal.Read<uint>(At(offset, 4));

    /// <summary>A field of eight bytes.</summary>
    public ulong Word64(int offset) => MemoryMarshal.Read<ulong>(At(offset, 8));

    /// <summary>Bytes of it.</summary>
    /// <exception cref="InvalidOperationException">They do not lie within it: the kernel has written an invalid offset.</exception>
    public Span<byte> At(long offset, long bytes) =>
        offset >= 0 && bytes >= 0 && bytes <= _bytes - offset
            ? new Span<byte>((byte*)handle + offset, (int)bytes)
            : throw new InvalidOperationException($"{bytes} bytes at {offset} do not lie within the {_bytes} bytes of kvm_run.");

    /// <inheritdoc />
    protected override bool ReleaseHandle() => Libc.MUnmap(handle, (nuint)_bytes) == 0;
}
