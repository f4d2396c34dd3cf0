namespace UffdActors.PostCopy.Migration;

/// <summary>State of a page that may have been copied before the hand-over.</summary>
internal enum CopiedContent : byte
{
    /// <summary>Nothing: it was not copied, or is old.</summary>
    None,

    /// <summary>Zeros.</summary>
    Zero,

    /// <summary>Bytes.</summary>
    Bytes,
}
