using System.Runtime.InteropServices;
using UffdActors.Linux.Native;
using UffdActors.Linux.Needs;
using UffdActors.Worlds;

namespace UffdActors.Linux.Memory;

/// <summary>Makes guest_memfds, each on a virtual machine without vCPUs that lives as long as the memory.</summary>
internal static unsafe class GuestMemfdFactory
{
    private const ulong Mmap = 1;
    private const ulong InitShared = 2;

    public static FileHandle Create(long bytes)
    {
        using FileHandle kvm = FileHandle.TryOpen("/dev/kvm", Fd.O_RDWR, out Errno error)
            ?? throw Refused(error);
        using LinuxHandle.Lease device = kvm.Use();
        int flags = Libc.Ioctl(device.Number, Kvm.KVM_CHECK_EXTENSION, Kvm.KVM_CAP_GUEST_MEMFD_FLAGS);
        if (flags < 0 || ((ulong)flags & (Mmap | InitShared)) != (Mmap | InitShared))
            throw new UnsupportedMachineException(
                MachineNeed.GuestMemfd, "This kernel's guest_memfd cannot be mapped.", "KVM_CREATE_GUEST_MEMFD", Errno.EINVAL);
        int vm = Libc.Ioctl(device.Number, Kvm.KVM_CREATE_VM, (nuint)0);
        if (vm < 0) throw new SyscallException("ioctl(KVM_CREATE_VM)", Libc.LastError);
        // The guest_memfd holds a reference to the VM; our own is not needed any longer.
        using FileHandle machine = new(vm);
        CreateGuestMemfd create = new() { Size = (ulong)bytes, Flags = Mmap | InitShared };
        int number = Libc.Ioctl(vm, Kvm.KVM_CREATE_GUEST_MEMFD, &create);
        return number >= 0
            ? new FileHandle(number)
            : throw new SyscallException($"ioctl(KVM_CREATE_GUEST_MEMFD, {bytes} bytes)", Libc.LastError);
    }

    private static Exception Refused(Errno error) => error is Errno.EMFILE or Errno.ENFILE
        ? new SyscallException("open(/dev/kvm)", error, KernelErrors.Explain("open", error) + ".")
        : new UnsupportedMachineException(
            MachineNeed.Kvm, $"/dev/kvm cannot be opened ({error}).", MachineFinding.KvmDevice(error.ToString(), Confinement.Read()),
            "open", error);

    /// <summary><c>struct kvm_create_guest_memfd</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct CreateGuestMemfd
    {
        public ulong Size;
        public ulong Flags;
        private fixed ulong _reserved[6];
    }
}
