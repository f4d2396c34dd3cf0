namespace UffdActors.Linux.Memory;

/// <summary>What the page table says about a page (<c>/proc/PID/pagemap</c>; frame numbers are left out).</summary>
[Flags]
internal enum PagemapFlags : ulong
{
    /// <summary>Nothing is mapped.</summary>
    None = 0,

    /// <summary>Write-protected by userfaultfd, or marked to be.</summary>
    UffdWp = 1UL << 57,

    /// <summary>A page of a file, or of shared memory.</summary>
    FilePage = 1UL << 61,

    /// <summary>A swap entry, or a marker that looks like one.</summary>
    Swap = 1UL << 62,

    /// <summary>A page is mapped.</summary>
    Present = 1UL << 63,

    /// <summary>All of them.</summary>
    All = UffdWp | FilePage | Swap | Present,
}
