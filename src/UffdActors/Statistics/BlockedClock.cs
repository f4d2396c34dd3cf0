namespace UffdActors.Statistics;

/// <summary>Measures the time during which every vCPU of a VM waits for a page (QEMU's post-copy blocktime).</summary>
internal sealed class BlockedClock(int vcpus)
{
    private readonly Lock _gate = new();
    private int _running = vcpus;
    private int _blocked;
    private long _since;
    private long _total;

    /// <summary>Nanoseconds during which all vCPUs that still had work were blocked.</summary>
    public long AllBlockedNanoseconds
    {
        get
        {
            lock (_gate) return _total;
        }
    }

    /// <summary>A vCPU waits for a page.</summary>
    public void Blocked(long now)
    {
        lock (_gate)
        {
            if (++_blocked == _running) _since = now;
        }
    }

    /// <summary>It has got it.</summary>
    public void Resumed(long now)
    {
        lock (_gate)
        {
            if (_blocked-- == _running) _total += now - _since;
        }
    }

    /// <summary>A vCPU has finished its work, and does not count any more.</summary>
    public void Finished(long now)
    {
        lock (_gate)
        {
            if (--_running == _blocked && _running > 0) _since = now;
        }
    }
}
