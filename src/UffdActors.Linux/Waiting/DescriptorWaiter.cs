using UffdActors.Dispatch;
using UffdActors.Linux.Native;

namespace UffdActors.Linux.Waiting;

/// <summary>Whom a fault loop tells that a descriptor can be read.</summary>
internal interface IPolled
{
    /// <summary>There is something to read. On the loop's thread, again and again until it has been read.</summary>
    void OnReadable();
}

/// <summary>A fault loop that polls descriptors together with its mailboxes: it sleeps in epoll, and an eventfd ends the sleep.</summary>
internal sealed class DescriptorWaiter : LoopWaiter
{
    private const ulong KickKey = ulong.MaxValue;

    private readonly Lock _gate = new();
    private readonly List<IPolled?> _polled = [];
    private readonly ulong[] _keys = new ulong[EpollSet.Batch];
    private int _count;
    private EpollSet? _epoll;
    private EventSignal? _kick;

    /// <inheritdoc />
    public override void Begin()
    {
        lock (_gate)
        {
            _epoll = new EpollSet();
            _kick = new EventSignal();
            _epoll.Add(_kick.Handle, KickKey);
        }
    }

    /// <inheritdoc />
    public override void End()
    {
        // A late kick may still be on its way.
        lock (_gate)
        {
            _epoll?.Dispose();
            _kick?.Dispose();
            _epoll = null;
            _kick = null;
        }
    }

    /// <summary>Polls a descriptor from now on; on the loop's thread.</summary>
    public void Add(LinuxHandle handle, IPolled polled)
    {
        int key = _polled.IndexOf(null);
        if (key < 0)
        {
            key = _polled.Count;
            _polled.Add(null);
        }

        _epoll!.Add(handle, (ulong)key);
        _polled[key] = polled;
        _count++;
    }

    /// <summary>Polls it no more; on the loop's thread, before the descriptor is closed.</summary>
    public void Remove(LinuxHandle handle, IPolled polled)
    {
        int key = _polled.IndexOf(polled);
        if (key < 0) return;
        _epoll!.Remove(handle);
        _polled[key] = null;
        _count--;
    }

    /// <inheritdoc />
    public override bool Poll() => _count > 0 && Look(TimeSpan.Zero);

    /// <inheritdoc />
    public override void Wait(TimeSpan timeout) => _ = Look(timeout);

    /// <inheritdoc />
    public override void Kick()
    {
        lock (_gate) _kick?.Set();
    }

    private bool Look(TimeSpan timeout)
    {
        int found = _epoll!.WaitReadable(_keys, timeout);
        for (int i = 0; i < found; i++)
        {
            if (_keys[i] == KickKey) _ = _kick!.Reset();
            else _polled[(int)_keys[i]]?.OnReadable();
        }

        return found > 0;
    }
}
