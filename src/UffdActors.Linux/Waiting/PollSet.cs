using System.Runtime.InteropServices;
using UffdActors.Linux.Native;

namespace UffdActors.Linux.Waiting;

/// <summary>
/// Waits for descriptors to become readable, by poll(2). Each has a key that a wait returns. Owns none of them; take one out before closing
/// it. For one thread at a time.
/// </summary>
/// <remarks>
/// Not epoll(7): a fault loop has a handful of descriptors, and for so few poll is cheaper at every fault. A set in the kernel costs the
/// faulting thread a lock more, and the waiting one a second look at a descriptor that it has just read; epoll gains from some dozens on.
/// </remarks>
internal sealed unsafe class PollSet : IDisposable
{
    private ulong[] _keys = new ulong[8];
    private PollFd* _descriptors;
    private int _count;

    /// <summary>Makes an empty set.</summary>
    public PollSet() => _descriptors = Allocate(_keys.Length);

    /// <summary>Descriptors in the set.</summary>
    public int Count => _count;

    /// <summary>Adds a descriptor.</summary>
    /// <param name="handle">Descriptor; a userfaultfd must not block (it would be in error for ever).</param>
    /// <param name="key">What a wait returns for it.</param>
    public void Add(LinuxHandle handle, ulong key)
    {
        ArgumentNullException.ThrowIfNull(handle);
        ObjectDisposedException.ThrowIf(_descriptors is null, this);
        if (_count == _keys.Length) Grow();
        _descriptors[_count] = new PollFd { Descriptor = handle.Number, Events = Native.Wait.POLLIN };
        _keys[_count++] = key;
    }

    /// <summary>Takes a descriptor out; nothing happens if it is not in the set.</summary>
    public void Remove(LinuxHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        for (int i = 0; i < _count; i++)
        {
            if (_descriptors[i].Descriptor != handle.Number && _descriptors[i].Descriptor != ~handle.Number) continue;
            _count--;
            _descriptors[i] = _descriptors[_count];
            _keys[i] = _keys[_count];
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
            // poll(2) passes negative ones over.
            if (_descriptors[i].Descriptor == from) _descriptors[i].Descriptor = to;
        }
    }

    /// <summary>Waits until a descriptor is readable or in error.</summary>
    /// <param name="keys">
    /// Keys of those that are. With less room than <see cref="Count"/> some are left for a later wait, always the same ones.
    /// </param>
    /// <param name="timeout">
    /// 0 to look only, <see cref="Timeout.InfiniteTimeSpan"/> to wait for ever; as fine as the kernel's timers.
    /// </param>
    /// <returns>Keys returned; 0 when the time is over or a signal came.</returns>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public int WaitReadable(Span<ulong> keys, TimeSpan timeout)
    {
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
        NativeMemory.Free(_descriptors);
        _descriptors = null;
        _count = 0;
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
