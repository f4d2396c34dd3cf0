using UffdActors.Abi;
using UffdActors.Linux.Native;

namespace UffdActors.Linux.Waiting;

/// <summary>
/// Waits for descriptors to become readable, level-triggered. Each has a key that a wait returns. Owns the epoll descriptor, not those in the
/// set; remove one before closing it. One thread waits; any may add and remove.
/// </summary>
public sealed unsafe class EpollSet : IDisposable
{
    /// <summary>Keys that one wait returns at most; the rest comes with the next.</summary>
    public const int Batch = 16;

    private readonly EpollHandle _handle;

    /// <summary>Makes an empty set.</summary>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public EpollSet()
    {
        int number = Libc.EpollCreate(Wait.EPOLL_CLOEXEC);
        if (number < 0) throw new SyscallException("epoll_create1", Libc.LastError);
        _handle = new EpollHandle(number);
    }

    /// <summary>Adds a descriptor.</summary>
    /// <param name="handle">Descriptor; a userfaultfd must not block (it would be in error for ever).</param>
    /// <param name="key">What a wait returns for it.</param>
    public void Add(LinuxHandle handle, ulong key)
    {
        ArgumentNullException.ThrowIfNull(handle);
        EpollEvent settings = new() { Events = Wait.EPOLLIN, Data = key };
        Control(Wait.EPOLL_CTL_ADD, handle, &settings);
    }

    /// <summary>Takes a descriptor out.</summary>
    public void Remove(LinuxHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        EpollEvent settings = default;
        Control(Wait.EPOLL_CTL_DEL, handle, &settings);
    }

    /// <summary>Waits until a descriptor is readable or in error.</summary>
    /// <param name="keys">Keys of those that are; room for <see cref="Batch"/> or fewer.</param>
    /// <param name="timeoutMilliseconds">0 to look only, -1 to wait for ever.</param>
    /// <returns>Keys returned; 0 when the time is over or a signal came.</returns>
    public int WaitReadable(Span<ulong> keys, int timeoutMilliseconds)
    {
        EpollEvent* events = stackalloc EpollEvent[Batch];
        using LinuxHandle.Lease lease = _handle.Use();
        return Keys(keys, events, Libc.EpollWait(lease.Number, events, Math.Min(keys.Length, Batch), timeoutMilliseconds));
    }

    /// <summary>Waits until a descriptor is readable or in error, with a time finer than a millisecond.</summary>
    /// <param name="keys">Keys of those that are; room for <see cref="Batch"/> or fewer.</param>
    /// <param name="timeout">0 to look only, <see cref="Timeout.InfiniteTimeSpan"/> to wait for ever.</param>
    /// <returns>Keys returned; 0 when the time is over or a signal came.</returns>
    public int WaitReadable(Span<ulong> keys, TimeSpan timeout)
    {
        if (timeout == TimeSpan.Zero) return WaitReadable(keys, 0);
        if (timeout == Timeout.InfiniteTimeSpan) return WaitReadable(keys, -1);
        EpollEvent* events = stackalloc EpollEvent[Batch];
        long* limit = stackalloc long[2];
        limit[0] = timeout.Ticks / TimeSpan.TicksPerSecond;
        limit[1] = timeout.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick;
        using LinuxHandle.Lease lease = _handle.Use();
        return Keys(keys, events, (int)Libc.Syscall(Wait.SYS_epoll_pwait2, lease.Number, (nint)events, Math.Min(keys.Length, Batch), (nint)limit, 0, 0));
    }

    private static int Keys(Span<ulong> keys, EpollEvent* events, int count)
    {
        if (count < 0) return Libc.LastError is Errno.EINTR ? 0 : throw new SyscallException("epoll_wait", Libc.LastError);
        for (int i = 0; i < count; i++) keys[i] = events[i].Data;
        return count;
    }

    /// <inheritdoc />
    public void Dispose() => _handle.Dispose();

    private void Control(int operation, LinuxHandle handle, EpollEvent* settings)
    {
        using LinuxHandle.Lease lease = _handle.Use();
        using LinuxHandle.Lease other = handle.Use();
        if (Libc.EpollControl(lease.Number, operation, other.Number, settings) == -1)
            throw new SyscallException($"epoll_ctl({operation}, descriptor {other.Number})", Libc.LastError);
    }
}
