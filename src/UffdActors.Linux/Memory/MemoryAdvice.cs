namespace UffdActors.Linux.Memory;

/// <summary>Advice of <c>madvise</c>(2).</summary>
public enum MemoryAdvice
{
    /// <summary>MADV_DONTNEED: content of this mapping goes; a file keeps its own.</summary>
    DontNeed = 4,

    /// <summary>MADV_FREE: anonymous memory; content may go.</summary>
    Free = 8,

    /// <summary>MADV_REMOVE: punches a hole into the file behind.</summary>
    Remove = 9,

    /// <summary>MADV_DONTFORK: children do not get the range.</summary>
    DontFork = 10,

    /// <summary>MADV_HUGEPAGE.</summary>
    HugePage = 14,

    /// <summary>MADV_NOHUGEPAGE.</summary>
    NoHugePage = 15,

    /// <summary>MADV_DONTDUMP.</summary>
    DontDump = 16,

    /// <summary>MADV_PAGEOUT: pages go to swap, if there is any; content stays.</summary>
    PageOut = 21,

    /// <summary>MADV_POPULATE_READ: faults the range in as reads would.</summary>
    PopulateRead = 22,

    /// <summary>MADV_POPULATE_WRITE: faults the range in as writes would.</summary>
    PopulateWrite = 23,
}
