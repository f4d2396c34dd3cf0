using UffdActors.Dispatch;
using UffdActors.Linux.Native;
using UffdActors.Linux.Waiting;
using UffdActors.Linux.Watching;
using UffdActors.Model.Mapping;

namespace UffdActors.Linux.Live;

/// <summary>A fault loop that polls descriptors together with its mailboxes: it sleeps in poll(2), and an eventfd ends the sleep.</summary>
internal sealed class DescriptorWaiter : LoopWaiter
{
    private const ulong KickKey = ulong.MaxValue;

    private readonly Lock _gate = new();
    private readonly List<IPolled?> _polled = [];
    private volatile LiveDescriptor[] _attached = [];
    private BoardSlot[] _slots = [];
    private ulong[] _keys = new ulong[2];
    private PollSet? _poll;
    private long _looks;
    private long _sleeps;
    private volatile bool _sleepsForGood;
    private EventSignal? _kick;

    /// <summary>How often descriptors were polled; an idle loop sleeps and does not poll.</summary>
    public long Looks => Volatile.Read(ref _looks);

    /// <summary>How often the loop went to sleep: one that polls busily does not.</summary>
    public long Sleeps => Volatile.Read(ref _sleeps);

    /// <summary>True while the loop sleeps without a time limit: nothing is to run, and no timer is set.</summary>
    public bool SleepsForGood => _sleepsForGood;

    /// <inheritdoc />
    public override void Begin()
    {
        lock (_gate)
        {
            _poll = new PollSet();
            _kick = new EventSignal();
            _poll.Add(_kick.Handle, KickKey);
        }
    }

    /// <inheritdoc />
    public override void End()
    {
        // A kick may arrive late.
        lock (_gate)
        {
            _poll?.Dispose();
            _kick?.Dispose();
            _poll = null;
            _kick = null;
        }
    }

    /// <summary>The loop is to serve a userfaultfd, until it is closed. Any thread.</summary>
    public void Attach(LiveDescriptor descriptor)
    {
        lock (_gate) _attached = [.. _attached.Where(d => !d.IsClosed), descriptor];
    }

    /// <summary>
    /// True if reading these pages may raise a fault on a userfaultfd that this loop serves, of whichever VM: the loop would wait for
    /// itself. Any thread.
    /// </summary>
    public bool MayFaultAt(PageRange pages)
    {
        foreach (LiveDescriptor descriptor in _attached)
        {
            if (descriptor.Covers(pages)) return true;
        }

        return false;
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

        _poll!.Add(handle, (ulong)key);
        _polled[key] = polled;
        if (_poll.Count > _keys.Length) Array.Resize(ref _keys, _poll.Count * 2);
        _slots = SlotsOfPolled();
    }

    /// <summary>Polls it no more; on the loop's thread, before the descriptor is closed.</summary>
    public void Remove(LinuxHandle handle, IPolled polled)
    {
        int key = _polled.IndexOf(polled);
        if (key < 0) return;
        _poll!.Remove(handle);
        _polled[key] = null;
        _slots = SlotsOfPolled();
    }

    /// <summary>Leaves a descriptor out of the poll set while it is not read, or takes it in again; on the loop's thread.</summary>
    public void SetMuted(LinuxHandle handle, bool isMuted) => _poll!.SetMuted(handle, isMuted);

    /// <inheritdoc />
    public override bool IsNeeded => _poll!.Count > 1;

    /// <inheritdoc />
    public override bool Poll() => _poll!.Count > 1 && Look(TimeSpan.Zero);

    /// <inheritdoc />
    public override void Wait(TimeSpan timeout)
    {
        Volatile.Write(ref _sleeps, _sleeps + 1);
        _sleepsForGood = timeout == Timeout.InfiniteTimeSpan;
        _ = Look(timeout);
        _sleepsForGood = false;
    }

    /// <inheritdoc />
    public override void Kick()
    {
        lock (_gate) _kick?.Set();
    }

    private bool Look(TimeSpan timeout)
    {
        Volatile.Write(ref _looks, _looks + 1);
        int found = _poll!.WaitReadable(_keys, timeout);
        foreach (BoardSlot slot in _slots) slot.Beat();
        for (int i = 0; i < found; i++)
        {
            if (_keys[i] == KickKey) _ = _kick!.Reset();
            else _polled[(int)_keys[i]]?.OnReadable();
        }

        return found > 0;
    }

    private BoardSlot[] SlotsOfPolled() => [.. _polled.Select(p => p?.Slot).OfType<BoardSlot>()];
}
