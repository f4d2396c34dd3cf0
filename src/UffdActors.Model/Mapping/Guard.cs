using System.Runtime.InteropServices;

namespace UffdActors.Model.Mapping;

/// <summary>
/// One thread's guard word: the page that it is about to touch (RING R8). The thread sets its guard, reads map and entry, touches, and
/// clears the guard; code that downgrades an entry writes the entry first and then waits until no guard holds the page. This is the model's
/// TLB shootdown; installs do not need it.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 128)]
internal sealed class Guard
{
    // Alone on its cache line: it is written at every access, and read by others at shootdowns only.
    [FieldOffset(64)] private long _pagePlusOne;

    /// <summary>Holds a page. What is read afterwards is at least as new as this.</summary>
    public void Hold(long page) => Interlocked.Exchange(ref _pagePlusOne, page + 1);

    /// <summary>Ends the guard.</summary>
    public void Release() => Volatile.Write(ref _pagePlusOne, 0);

    /// <summary>True if the thread holds a page of the range.</summary>
    public bool HoldsAnyOf(PageRange range)
    {
        long page = Volatile.Read(ref _pagePlusOne) - 1;
        return page >= range.Start && page < range.End;
    }
}
