namespace UffdActors.Handling;

/// <summary>
/// Faults at addresses that the reader does not know. Most explain themselves: the range was unmapped or moved while the fault was under
/// way, or it is the new place of a region whose REMAP is still unread. One that does not (the old range of MREMAP_DONTUNMAP stays
/// registered; other code has registered a range) would fault again as often as it is woken: so it is woken at longer and longer
/// intervals, and after a second left asleep.
/// </summary>
/// <remarks>Pure; in turns of the context, but for <see cref="HasSleepers"/>.</remarks>
internal sealed class StrayFaults
{
    /// <summary>
    /// How long a fault may stay unexplained. An event is read within milliseconds, unless its thread does not get to run.
    /// </summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    // Of those that were woken and did not come back nothing need be known; forgetting one costs it a wake-up more.
    private const int MostRemembered = 1024;

    private readonly Dictionary<ulong, Stray> _strays = [];
    private volatile int _asleep;

    /// <summary>True if a thread sleeps at an unknown address, for a while or for good. Any thread.</summary>
    public bool HasSleepers => _asleep > 0;

    /// <summary>True if threads sleep at an address, for a while or for good.</summary>
    public bool IsAsleep(ulong address) => _strays.TryGetValue(address, out Stray? stray) && stray.IsAsleep;

    /// <summary>True if they sleep there for good, which has been reported.</summary>
    public bool IsReported(ulong address) => _strays.TryGetValue(address, out Stray? stray) && stray.IsReported;

    /// <summary>A fault has been read.</summary>
    /// <param name="address">Its page.</param>
    /// <param name="isRegistered">The page is registered with this userfaultfd, so a thread that is woken faults again.</param>
    /// <param name="now">Nanoseconds.</param>
    /// <param name="delay">How long to hold it.</param>
    public StrayStep Take(ulong address, bool isRegistered, long now, out TimeSpan delay)
    {
        delay = default;
        if (!_strays.TryGetValue(address, out Stray? stray))
        {
            if (_strays.Count >= MostRemembered) Forget();
            _strays.Add(address, stray = new Stray(now));
            if (!isRegistered) return StrayStep.Wake;
        }

        if (stray.IsAsleep) return StrayStep.Join;
        stray.IsAsleep = true;
        _asleep++;
        if (now - stray.First >= Patience.TotalNanoseconds)
        {
            stray.IsReported = true;
            return StrayStep.Report;
        }

        delay = Backoff.Delay(stray.Times++, (long)address);
        return StrayStep.Hold;
    }

    /// <summary>The time is over for which a fault was held.</summary>
    /// <returns>False if it is to be woken no more, or has been.</returns>
    public bool TryLetGo(ulong address)
    {
        if (!_strays.TryGetValue(address, out Stray? stray) || !stray.IsAsleep || stray.IsReported) return false;
        stray.IsAsleep = false;
        _asleep--;
        return true;
    }

    /// <summary>Everything begins anew: events have come, or another attempt was asked for.</summary>
    /// <returns>Addresses at which threads are asleep.</returns>
    public IReadOnlyList<ulong> Clear()
    {
        if (_strays.Count == 0) return [];
        ulong[] asleep = [.. _strays.Where(s => s.Value.IsAsleep).Select(s => s.Key)];
        _strays.Clear();
        _asleep = 0;
        return asleep;
    }

    private void Forget()
    {
        foreach (ulong address in _strays.Where(s => !s.Value.IsAsleep).Select(s => s.Key).ToArray()) _ = _strays.Remove(address);
    }

    private sealed class Stray(long first)
    {
        public long First { get; } = first;

        public int Times { get; set; }

        public bool IsAsleep { get; set; }

        public bool IsReported { get; set; }
    }
}
