using UffdActors.Linux.Native;

namespace UffdActors.Linux.Waiting;

/// <summary>An eventfd: wakes the thread that waits for it in a poll set. Owns its descriptor. Safe for any thread.</summary>
internal sealed unsafe class EventSignal : IDisposable
{
    /// <summary>Makes it, not set.</summary>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public EventSignal()
    {
        int number = Libc.EventFd(0, Fd.EFD_CLOEXEC | Fd.EFD_NONBLOCK);
        if (number < 0) throw new SyscallException("eventfd", Libc.LastError);
        Handle = new EventHandle(number);
    }

    /// <summary>The descriptor.</summary>
    public EventHandle Handle { get; }

    /// <summary>Sets it. Setting it twice is as good as once.</summary>
    public void Set()
    {
        ulong one = 1;
        using LinuxHandle.Lease lease = Handle.Use();
        // EAGAIN: the counter is full, so it is set.
        if (Libc.Write(lease.Number, &one, sizeof(ulong)) == -1 && Libc.LastError is not Errno.EAGAIN and var error)
            throw new SyscallException("write(eventfd)", error);
    }

    /// <summary>Takes it back.</summary>
    /// <returns>True if it was set.</returns>
    public bool Reset()
    {
        ulong count;
        using LinuxHandle.Lease lease = Handle.Use();
        return Libc.Read(lease.Number, &count, sizeof(ulong)) == sizeof(ulong);
    }

    /// <inheritdoc />
    public void Dispose() => Handle.Dispose();
}
