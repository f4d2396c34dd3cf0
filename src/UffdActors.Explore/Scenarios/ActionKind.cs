namespace UffdActors.Explore.Scenarios;

/// <summary>What a thread of a scenario can do.</summary>
internal enum ActionKind
{
    /// <summary>Loads eight bytes.</summary>
    Read,

    /// <summary>Stores eight bytes that no other action stores.</summary>
    Write,

    /// <summary>The embedder's reader looks at a page, without a fault.</summary>
    Peek,

    /// <summary>MADV_DONTNEED.</summary>
    DontNeed,

    /// <summary>MADV_REMOVE.</summary>
    Remove,

    /// <summary>MADV_PAGEOUT.</summary>
    PageOut,

    /// <summary>munmap.</summary>
    Munmap,

    /// <summary>mremap to a fixed place.</summary>
    Mremap,

    /// <summary>The same with MREMAP_DONTUNMAP: the old range stays mapped, and registered.</summary>
    MremapKeep,

    /// <summary>fallocate with PUNCH_HOLE.</summary>
    Punch,

    /// <summary>fork; the child does nothing but what <see cref="ReadChild"/> says.</summary>
    Fork,

    /// <summary>The child of the last fork loads eight bytes; nothing if there is none.</summary>
    ReadChild,

    /// <summary>The process ends: no thread of it does anything any more.</summary>
    Exit,

    /// <summary>UFFDIO_REGISTER for missing faults.</summary>
    Register,

    /// <summary>UFFDIO_UNREGISTER.</summary>
    Unregister,

    /// <summary>The last close of a context.</summary>
    Close,

    /// <summary>UFFDIO_COPY of the page source's content.</summary>
    Copy,

    /// <summary>UFFDIO_COPY out of the process's own memory, which may be missing itself.</summary>
    CopyFrom,

    /// <summary>UFFDIO_COPY of the page source's content, write-protected in the same call.</summary>
    CopyWp,

    /// <summary>UFFDIO_ZEROPAGE.</summary>
    Zeropage,

    /// <summary>UFFDIO_CONTINUE.</summary>
    Continue,

    /// <summary>UFFDIO_POISON.</summary>
    Poison,

    /// <summary>UFFDIO_WRITEPROTECT, set.</summary>
    Protect,

    /// <summary>UFFDIO_WRITEPROTECT, clear.</summary>
    Unprotect,

    /// <summary>UFFDIO_MOVE.</summary>
    Move,

    /// <summary>UFFDIO_WAKE.</summary>
    Wake,

    /// <summary>read(2) of all messages, for contexts that no handler serves.</summary>
    Drain,
}
