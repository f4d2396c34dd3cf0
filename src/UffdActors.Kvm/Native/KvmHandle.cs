using System.Runtime.InteropServices;
using UffdActors.Linux;
using UffdActors.Linux.Needs;

namespace UffdActors.Kvm.Native;

/// <summary>A descriptor of KVM: the device, a machine or a vCPU. Closed exactly once, and never while a call uses it.</summary>
/// <remarks>Safe for any thread.</remarks>
internal sealed unsafe class KvmHandle : SafeHandle
{
    private const int ReadWriteCloseOnExec = 0x80002;
    private readonly string _name;

    private KvmHandle(int descriptor, string name)
        : base(-1, ownsHandle: true)
    {
        SetHandle(descriptor);
        _name = name;
    }

    /// <inheritdoc />
    public override bool IsInvalid => handle < 0;

    /// <summary>Opens <c>/dev/kvm</c>.</summary>
    /// <param name="path">The device; another one where its absence is tested.</param>
    /// <exception cref="UnsupportedMachineException">It cannot be opened; the message says what to do.</exception>
    public static KvmHandle OpenDevice(string path = "/dev/kvm")
    {
        int opened;
        fixed (byte* name = System.Text.Encoding.UTF8.GetBytes(path + "\0")) opened = Libc.Open(name, ReadWriteCloseOnExec, 0);
        if (opened >= 0) return new KvmHandle(opened, path);
        Errno error = Libc.LastError;
        throw new UnsupportedMachineException(MachineNeed.Kvm, $"{path} cannot be opened ({error}).", "open", error);
    }

    /// <summary>An ioctl that makes a descriptor.</summary>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public KvmHandle Create(uint command, nuint argument, string name) => new(Call(command, argument, name), name);

    /// <summary>An ioctl that must succeed, with a number.</summary>
    /// <returns>What it returns, not negative.</returns>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public int Call(uint command, nuint argument, string name)
    {
        int result = TryCall(command, argument, out Errno error);
        return result >= 0 ? result : throw new SyscallException($"ioctl({name}) of {_name}", error);
    }

    /// <summary>An ioctl that must succeed, with a structure.</summary>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public int Call<T>(uint command, ref T argument, string name)
        where T : unmanaged
    {
        fixed (T* pointer = &argument) return Call(command, (nuint)pointer, name);
    }

    /// <summary>An ioctl that must succeed, with bytes.</summary>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public int Call(uint command, Span<byte> argument, string name)
    {
        fixed (byte* pointer = argument) return Call(command, (nuint)pointer, name);
    }

    /// <summary>An ioctl with a number; KVM_RUN among them, in which the thread may sleep.</summary>
    /// <returns>What it returns; -1 with an errno.</returns>
    public int TryCall(uint command, nuint argument, out Errno error)
    {
        bool taken = false;
        try
        {
            DangerousAddRef(ref taken);
            int result = Libc.Ioctl((int)handle, command, argument);
            error = result < 0 ? Libc.LastError : Errno.None;
            return result;
        }
        finally
        {
            if (taken) DangerousRelease();
        }
    }

    /// <summary>An ioctl with bytes.</summary>
    /// <returns>What it returns; -1 with an errno.</returns>
    public int TryCall(uint command, Span<byte> argument, out Errno error)
    {
        fixed (byte* pointer = argument) return TryCall(command, (nuint)pointer, out error);
    }

    /// <summary>Maps the <c>kvm_run</c> of a vCPU.</summary>
    /// <param name="bytes">Its size, from KVM_GET_VCPU_MMAP_SIZE.</param>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public RunPage MapRun(int bytes)
    {
        bool taken = false;
        try
        {
            DangerousAddRef(ref taken);
            return RunPage.Map((int)handle, bytes);
        }
        finally
        {
            if (taken) DangerousRelease();
        }
    }

    /// <inheritdoc />
    protected override bool ReleaseHandle() => Libc.Close((int)handle) == 0;
}
