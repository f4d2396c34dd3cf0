using UffdActors.Linux.Memory;
using UffdActors.Linux.Native;

namespace UffdActors.Linux.Userfaultfd;

/// <summary>Descriptors of other processes: how a monitor comes by the userfaultfd of a VMM, or of a monitor that has died.</summary>
public static class DescriptorCopy
{
    private const int PidfdGetfd = 438;

    /// <summary>Copies a descriptor of a process into this one (<c>pidfd_getfd</c>(2)); close-on-exec.</summary>
    /// <param name="process">Process.</param>
    /// <param name="number">Descriptor there.</param>
    /// <returns>Its number here; it belongs to the caller.</returns>
    /// <exception cref="SyscallException">
    /// ESRCH: there is no such process; EPERM: this one may not trace it (CAP_SYS_PTRACE); EBADF: there is no such descriptor.
    /// </exception>
    public static int Of(int process, int number)
    {
        using FileHandle handle = ProcessFolder.OpenPidfd(process);
        int copy = (int)Libc.Syscall(PidfdGetfd, handle.Number, number, 0, 0, 0, 0);
        return copy >= 0 ? copy : throw new SyscallException($"pidfd_getfd({process}, {number})", Libc.LastError);
    }
}
