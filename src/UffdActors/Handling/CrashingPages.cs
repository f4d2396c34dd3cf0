namespace UffdActors.Handling;

/// <summary>
/// Pages on which handlers crash: how often each in a row, and which are held back because of that (quarantined), so that their threads
/// wait instead of crashing the next handler.
/// </summary>
/// <remarks>
/// A struct: what the reader asks at each fault it reaches as directly as fields of its own. In turns of the context, but for
/// <see cref="All"/>: what is held back changes under a lock, and is asked for at each fault without.
/// </remarks>
internal readonly struct CrashingPages(int limit)
{
    private readonly Dictionary<ulong, int> _crashes = [];
    private readonly Dictionary<ulong, Waiter> _held = [];

    /// <summary>Addresses of the pages that are held back.</summary>
    public IReadOnlyCollection<ulong> Held => _held.Keys;

    /// <summary>True if a page is held back.</summary>
    public bool IsHeld(ulong address) => _held.Count > 0 && _held.ContainsKey(address);

    /// <summary>A page has been filled.</summary>
    /// <returns>True if a handler had crashed on it before.</returns>
    public bool Passed(ulong address) => _crashes.Count > 0 && _crashes.Remove(address);

    /// <summary>A handler has crashed while it resolved a page.</summary>
    /// <returns>True if the page is held back from now on: that was one crash too many.</returns>
    public bool Crashed(PageRequest during)
    {
        int crashes = _crashes.GetValueOrDefault(during.Address) + 1;
        _crashes[during.Address] = crashes;
        if (crashes < limit) return false;
        lock (_held) _held[during.Address] = Waiter.Of(during);
        return true;
    }

    /// <summary>One of the pages that are held back, or null.</summary>
    public (ulong Address, Waiter Waiter)? First() => _held.Count == 0 ? null : (_held.First().Key, _held.First().Value);

    /// <summary>The pages that are held back, and whose they are. Any thread.</summary>
    public KeyValuePair<ulong, Waiter>[] All()
    {
        lock (_held) return [.. _held];
    }

    /// <summary>A page is held back no more.</summary>
    /// <returns>False if it was not.</returns>
    public bool TryRelease(ulong address)
    {
        lock (_held) return _held.Remove(address);
    }

    /// <summary>No page is held back any more.</summary>
    /// <returns>Those that were.</returns>
    public ulong[] ReleaseAll()
    {
        ulong[] pages = [.. _held.Keys];
        lock (_held) _held.Clear();
        return pages;
    }

    /// <summary>Crashes are counted from zero again.</summary>
    public void Forgive() => _crashes.Clear();
}
