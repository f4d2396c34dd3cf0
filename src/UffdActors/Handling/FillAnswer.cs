namespace UffdActors.Handling;

/// <summary>What the answer to a fill says, the same for all callers: a handler, the background push, a racing resolver (RING P).</summary>
internal enum FillAnswer
{
    /// <summary>All of it is filled, and its threads have been woken.</summary>
    Filled,

    /// <summary>EAGAIN with a positive count: the front is filled, and the rest is to be called for again (RING P14).</summary>
    Partly,

    /// <summary>EAGAIN with a negative errno: an event has to be read first (RING P2).</summary>
    Unread,

    /// <summary>
    /// ZEROPAGE is refused, and COPY of zeros may not be: EEXIST says no more than that the entry is not empty, and a marker is no page;
    /// EINVAL is what memory answers that offers COPY alone.
    /// </summary>
    CopyZeros,

    /// <summary>
    /// EEXIST: the page is there already. A failing call wakes no thread, so its caller does (RING P1).
    /// Of a larger page it may be the empty pool of huge pages.
    /// </summary>
    Present,

    /// <summary>ENOENT: the range is gone or not registered any more, and its threads find out for themselves.</summary>
    Gone,

    /// <summary>ESRCH: not of the range, but of the address space as a whole.</summary>
    OwnerGone,

    /// <summary>EFAULT of CONTINUE: the cache has no page there, a hole was punched.</summary>
    Hole,

    /// <summary>EFAULT of the others: beyond the end of the file, or from an address that cannot be read.</summary>
    Unreadable,

    /// <summary>ENOMEM: there may be memory later.</summary>
    NoMemory,

    /// <summary>EINVAL: what is mapped there takes no such fill, perhaps only in a part of the range.</summary>
    Unfit,

    /// <summary>Any other errno: nothing that a fill can mend.</summary>
    Failed,
}
