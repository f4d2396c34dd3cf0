namespace UffdActors.PostCopy;

/// <summary>How the destination's faults are resolved.</summary>
public enum PostCopyMode
{
    /// <summary>MISSING: COPY and ZEROPAGE.</summary>
    Missing,

    /// <summary>MINOR: the page cache is allocated in full first, bytes go in through an alias, then CONTINUE.</summary>
    Minor,
}
