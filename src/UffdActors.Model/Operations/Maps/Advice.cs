namespace UffdActors.Model.Operations.Maps;

/// <summary>The madvise(2) values that free pages or swap them out.</summary>
public enum Advice
{
    /// <summary>MADV_DONTNEED.</summary>
    DontNeed,

    /// <summary>MADV_FREE; without memory pressure the pages stay.</summary>
    Free,

    /// <summary>MADV_REMOVE: punches a hole into the file.</summary>
    Remove,

    /// <summary>
    /// MADV_PAGEOUT: swaps pages out, if there is swap (<see cref="KernelProfile.Swap"/>). Content stays, and no event is raised.
    /// </summary>
    PageOut,
}
