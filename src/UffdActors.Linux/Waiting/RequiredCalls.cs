using UffdActors.Linux.Native;

namespace UffdActors.Linux.Waiting;

/// <summary>
/// System calls that every kernel has, and that a seccomp filter may still refuse. They are tried before the threads start that need them:
/// on those threads, ours or the .NET runtime's, a refusal would end the process.
/// </summary>
internal static unsafe class RequiredCalls
{
    private const nint SysEpollWait = 232;
    private const nint SysEpollCtl = 233;
    private const nint SysEpollCreate1 = 291;
    private const nint EpollCtlAdd = 1;
    private const nint EpollCloseOnExec = 0x80000;
    private const int EpollEventBytes = 12;

    /// <summary>What a fault loop waits with.</summary>
    /// <exception cref="PlatformNotSupportedException">One is refused; the message names it.</exception>
    public static void CheckLoop()
    {
        try
        {
            using EventSignal signal = new();
            using PollSet poll = new();
            poll.Add(signal.Handle, 0);
            signal.Set();
            Span<ulong> keys = stackalloc ulong[1];
            _ = poll.WaitReadable(keys, TimeSpan.Zero);
            _ = poll.WaitReadable(keys, TimeSpan.FromMilliseconds(1));
        }
        catch (SyscallException e) when (e.Error is not (Errno.EMFILE or Errno.ENFILE or Errno.ENOMEM))
        {
            throw Refused(e.Name, e.Error, e);
        }
    }

    /// <summary>What the .NET runtime talks to child processes with.</summary>
    /// <exception cref="PlatformNotSupportedException">One is refused; the message names it.</exception>
    public static void CheckChildren()
    {
        CheckLoop();
        using EventSignal signal = new();
        nint number = Libc.Syscall(SysEpollCreate1, EpollCloseOnExec, 0, 0, 0, 0, 0);
        if (number < 0) throw Refused("epoll_create1", Libc.LastError);
        try
        {
            byte* events = stackalloc byte[EpollEventBytes];
            new Span<byte>(events, EpollEventBytes).Clear();
            using LinuxHandle.Lease lease = signal.Handle.Use();
            if (Libc.Syscall(SysEpollCtl, number, EpollCtlAdd, lease.Number, (nint)events, 0, 0) < 0)
                throw Refused("epoll_ctl", Libc.LastError);
            if (Libc.Syscall(SysEpollWait, number, (nint)events, 1, 0, 0, 0) < 0 && Libc.LastError is not Errno.EINTR and var error)
                throw Refused("epoll_wait", error);
        }
        finally
        {
            _ = Libc.Close((int)number);
        }
    }

    private static PlatformNotSupportedException Refused(string call, Errno error, Exception? inner = null) =>
        new($"{call} is refused ({error}), which the live world cannot do without. A seccomp filter does that: allow eventfd2, poll, "
            + $"ppoll, epoll_create1, epoll_ctl and epoll_wait.", inner);
}
