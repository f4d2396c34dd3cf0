using System.Runtime.InteropServices;

namespace UffdActors.Model.Mapping;

/// <summary>
/// One thread's guard word: the page that it is about to touch (RING R8). The thread holds the page, reads map and entry, touches,
/// and lets go; whoever takes something away from an entry writes the entry first and then waits until no guard holds the page.
/// This is the model's TLB shootdown: installing pays nothing for it.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 128)]
internal sealed class Guard
{
    // Alone on its cache line: it is written at every access, and read by others at shootdowns only.
    [FieldOffset(64)] private long _pagePlusOne;

    /// <summary>Holds a page. What is read afterwards is at least as new as this.</summary>
    public void Hold(long page) => Interlocked.Exchange(ref _pagePlusOne, page + 1);

    /// <summary>Lets go of the page.</summary>
    public void Release() => Volatile.Write(ref _pagePlusOne, 0);

    /// <summary>True if the thread holds a page of the range.</summary>
    public bool HoldsAnyOf(PageRange range)
    {
        long page = Volatile.Read(ref _pagePlusOne) - 1;
        return page >= range.Start && page < range.End;
    }
}

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
    /// True if a thread may still use what it read in a range before. To be asked after the entries were written: the fence in here
    /// and the one in <see cref="Guard.Hold"/> make sure that either we see the guard or the thread sees the new entry.
    /// </summary>
    public virtual bool AnyIn(PageRange range)
    {
        Interlocked.MemoryBarrier();
        foreach (Guard guard in Volatile.Read(ref _guards))
        {
            if (guard.HoldsAnyOf(range)) return true;
        }

        return false;
    }
}
