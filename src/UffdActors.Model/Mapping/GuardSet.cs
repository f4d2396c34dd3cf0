namespace UffdActors.Model.Mapping;

/// <summary>The guard words of all threads of an address space.</summary>
internal class GuardSet
{
    private Guard[] _guards = [];

    /// <summary>Adds a thread. Safe for any thread.</summary>
    public Guard Add()
    {
        Guard guard = new();
        Guard[] seen;
        do
        {
            seen = Volatile.Read(ref _guards);
        }
        while (Interlocked.CompareExchange(ref _guards, [.. seen, guard], seen) != seen);
        return guard;
    }

    /// <summary>Removes a thread that is gone. Safe for any thread.</summary>
    public void Remove(Guard guard)
    {
        Guard[] seen;
        do
        {
            seen = Volatile.Read(ref _guards);
        }
        while (Interlocked.CompareExchange(ref _guards, [.. seen.Where(g => g != guard)], seen) != seen);
    }

    /// <summary>
    /// True if a thread may still use an old entry of the range. To be called after the entries were written: the fence in here
    /// and the one in <see cref="Guard.Hold"/> make sure that either this call sees the guard or the thread sees the new entry.
    /// </summary>
    [MutationPoint("RING R8")]
    internal virtual bool AnyIn(PageRange range)
    {
        Interlocked.MemoryBarrier();
        foreach (Guard guard in Volatile.Read(ref _guards))
        {
            if (guard.HoldsAnyOf(range)) return true;
        }

        return false;
    }
}
