using System.Runtime.InteropServices;
using UffdActors.Linux.Native;

namespace UffdActors.Linux.Waiting;

/// <summary>
/// Waits for descriptors to become readable, by poll(2), and by epoll(7) where they are many. Each has a key that a wait returns. Owns none
/// of them; take one out before closing it. For one thread at a time.
/// </summary>
/// <remarks>
/// A fault loop of one VM has a handful of descriptors, and for so few poll is cheaper at every fault: a set in the kernel costs the
/// faulting thread a lock more, and the waiting one a second look at a descriptor that it has just read. But poll looks at every descriptor
/// at every wake, so with 200 idle VMs on a loop a fault of another one would cost several times as much.
/// </remarks>
internal sealed unsafe class PollSet : IDisposable
{
    /// <summary>With more descriptors than this, the kernel keeps the set.</summary>
    internal const int MostPolled = 16;

    // Not at the same number, or one VM that comes and goes would make and free a set each time.
    private const int FewAgain = MostPolled / 2;
    private ulong[] _keys = new ulong[8];
    private PollFd* _descriptors;
    private int _count;
    private EpollSet? _many;

    /// <summary>Makes an empty set.</summary>
    public PollSet() => _descriptors = Allocate(_keys.Length);

    /// <summary>Descriptors in the set.</summary>
    public int Count => _count;

    /// <summary>True while the kernel keeps the set.</summary>
    internal bool IsInKernel => _many is not null;

    /// <summary>Adds a descriptor.</summary>
    /// <param name="handle">Descriptor; a userfaultfd must not block (it would be in error for ever).</param>
    /// <param name="key">What a wait returns for it.</param>
    public void Add(LinuxHandle handle, ulong key)
    {
        ArgumentNullException.ThrowIfNull(handle);
        ObjectDisposedException.ThrowIf(_descriptors is null, this);
        if (_count == _keys.Length) Grow();
        if (_many?.TryAdd(handle.Number, key) == false) Leave();
        _descriptors[_count] = new PollFd { Descriptor = handle.Number, Events = Native.Wait.POLLIN };
        _keys[_count++] = key;
        if (_many is null && _count > MostPolled) _many = TryMove();
    }

    /// <summary>Takes a descriptor out; nothing happens if it is not in the set.</summary>
    public void Remove(LinuxHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        for (int i = 0; i < _count; i++)
        {
            if (_descriptors[i].Descriptor != handle.Number && _descriptors[i].Descriptor != ~handle.Number) continue;
            if (_descriptors[i].Descriptor == handle.Number) _many?.Remove(handle.Number);
            _count--;
            _descriptors[i] = _descriptors[_count];
            _keys[i] = _keys[_count];
            if (_count <= FewAgain) Leave();
            return;
        }
    }

    /// <summary>Leaves a descriptor out of every wait, or takes it in again.</summary>
    public void SetMuted(LinuxHandle handle, bool isMuted)
    {
        ArgumentNullException.ThrowIfNull(handle);
        (int from, int to) = isMuted ? (handle.Number, ~handle.Number) : (~handle.Number, handle.Number);
        for (int i = 0; i < _count; i++)
        {
            if (_descriptors[i].Descriptor != from) continue;
            // Out of a set in the kernel, for there even one that nothing is waited of reports errors.
            if (isMuted) _many?.Remove(handle.Number);
            else if (_many?.TryAdd(handle.Number, _keys[i]) == false) Leave();
            // poll(2) passes negative ones over.
            _descriptors[i].Descriptor = to;
        }
    }

    /// <summary>Waits until a descriptor is readable or in error.</summary>
    /// <param name="keys">
    /// Keys of those that are. With less room than <see cref="Count"/> some are left for a later wait; of few descriptors always the same
    /// ones.
    /// </param>
    /// <param name="timeout">
    /// 0 to look only, <see cref="Timeout.InfiniteTimeSpan"/> to wait for ever; of few descriptors as fine as the kernel's timers, of many
    /// rounded up to a millisecond.
    /// </param>
    /// <returns>Keys returned; 0 when the time is over or a signal came.</returns>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public int WaitReadable(Span<ulong> keys, TimeSpan timeout)
    {
        if (_many is { } many) return many.WaitReadable(keys, timeout);
        int ready = Poll(timeout);
        if (ready < 0)
            return Libc.LastError is Errno.EINTR
                ? 0
                : throw new SyscallException($"{NameOf(timeout)}({_count} descriptors)", Libc.LastError);
        int found = 0;
        for (int i = 0; found < ready && found < keys.Length; i++)
        {
            if (_descriptors[i].Returned != 0) keys[found++] = _keys[i];
        }

        return found;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Leave();
        NativeMemory.Free(_descriptors);
        _descriptors = null;
        _count = 0;
    }

    // Without a set in the kernel all goes on, at the price of the looks.
    private EpollSet? TryMove()
    {
        if (EpollSet.TryMake() is not { } set) return null;
        for (int i = 0; i < _count; i++)
        {
            if (_descriptors[i].Descriptor < 0 || set.TryAdd(_descriptors[i].Descriptor, _keys[i])) continue;
            set.Dispose();
            return null;
        }

        return set;
    }

    private void Leave()
    {
        _many?.Dispose();
        _many = null;
    }

    private static PollFd* Allocate(int descriptors) => (PollFd*)NativeMemory.Alloc((nuint)descriptors, (nuint)sizeof(PollFd));

    // The name of the call in use, for messages: a seccomp filter may refuse one of the two.
    private static string NameOf(TimeSpan timeout) => timeout == Timeout.InfiniteTimeSpan || timeout == TimeSpan.Zero ? "poll" : "ppoll";

    private int Poll(TimeSpan timeout)
    {
        if (timeout == Timeout.InfiniteTimeSpan) return Libc.Poll(_descriptors, (nuint)_count, -1);
        if (timeout == TimeSpan.Zero) return Libc.Poll(_descriptors, (nuint)_count, 0);
        TimeSpec limit = TimeSpec.Of(timeout);
        return Libc.PPoll(_descriptors, (nuint)_count, &limit, null);
    }

    private void Grow()
    {
        PollFd* descriptors = Allocate(_keys.Length * 2);
        new ReadOnlySpan<PollFd>(_descriptors, _count).CopyTo(new Span<PollFd>(descriptors, _count));
        NativeMemory.Free(_descriptors);
        _descriptors = descriptors;
        Array.Resize(ref _keys, _keys.Length * 2);
    }
}
