namespace UffdActors.Model.Operations.Maps;

/// <summary>The advice that takes pages away, or out of the way.</summary>
public enum Advice
{
    /// <summary>MADV_DONTNEED.</summary>
    DontNeed,

    /// <summary>MADV_FREE; without memory pressure the pages stay.</summary>
    Free,

    /// <summary>MADV_REMOVE: punches a hole into the file.</summary>
    Remove,

    /// <summary>
    /// MADV_PAGEOUT: swaps pages out, if there is swap (<see cref="KernelProfile.Swap"/>). Content stays, and no event tells of it.
    /// </summary>
    PageOut,
}
