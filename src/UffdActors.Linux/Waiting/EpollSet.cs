using UffdActors.Linux.Native;

namespace UffdActors.Linux.Waiting;

/// <summary>
/// The descriptors of a <see cref="PollSet"/> once they are many: a set in the kernel (epoll(7)), so that a wake does not cost a look at
/// each of them. For one thread at a time.
/// </summary>
internal sealed unsafe class EpollSet : IDisposable
{
    private const int MostEvents = 64;
    private readonly int _set;

    private EpollSet(int set) => _set = set;

    /// <summary>Makes an empty set; null if no descriptor is left.</summary>
    public static EpollSet? TryMake() => Libc.EpollCreate1(Wait.EPOLL_CLOEXEC) is >= 0 and var set ? new EpollSet(set) : null;

    /// <summary>Waits for a descriptor, too.</summary>
    /// <param name="descriptor">Its number.</param>
    /// <param name="key">What a wait returns for it.</param>
    /// <returns>False if the kernel refuses: it lacks memory, or this user has as many watches as may be.</returns>
    public bool TryAdd(int descriptor, ulong key)
    {
        EpollEvent what = new() { Events = Wait.EPOLLIN, Data = key };
        return Libc.EpollCtl(_set, Wait.EPOLL_CTL_ADD, descriptor, &what) == 0;
    }

    /// <summary>Waits for it no more; before it is closed.</summary>
    public void Remove(int descriptor)
    {
        EpollEvent none = default;
        _ = Libc.EpollCtl(_set, Wait.EPOLL_CTL_DEL, descriptor, &none);
    }

    /// <summary>Waits until one is readable or in error.</summary>
    /// <param name="keys">Keys of those that are. Others are returned by the next wait.</param>
    /// <param name="timeout">Rounded up to a millisecond.</param>
    /// <returns>Keys returned; 0 when the time is over or a signal came.</returns>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public int WaitReadable(Span<ulong> keys, TimeSpan timeout)
    {
        EpollEvent* events = stackalloc EpollEvent[MostEvents];
        int limit = timeout == Timeout.InfiniteTimeSpan ? -1 : (int)Math.Min(int.MaxValue, Math.Ceiling(timeout.TotalMilliseconds));
        int found = Libc.EpollWait(_set, events, Math.Min(MostEvents, keys.Length), limit);
        if (found < 0) return Libc.LastError is Errno.EINTR ? 0 : throw new SyscallException("epoll_wait", Libc.LastError);
        for (int i = 0; i < found; i++) keys[i] = events[i].Data;
        return found;
    }

    /// <inheritdoc />
    public void Dispose() => _ = Libc.Close(_set);
}
