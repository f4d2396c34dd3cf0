namespace UffdActors.Model.Paging;

/// <summary>Why entries are taken away.</summary>
internal enum ZapCause
{
    /// <summary>munmap, MAP_FIXED over, exit: nothing stays.</summary>
    Unmap,

    /// <summary>MADV_DONTNEED.</summary>
    DontNeed,

    /// <summary>A hole is punched into the file (also MADV_REMOVE).</summary>
    Punch,

    /// <summary>The file is truncated.</summary>
    Truncate,
}
