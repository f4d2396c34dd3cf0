namespace UffdActors.Handling;

/// <summary>What can be read of a page.</summary>
internal enum SeenContent
{
    /// <summary>Nothing: it is absent.</summary>
    None,

    /// <summary>Zeros.</summary>
    Zeros,

    /// <summary>Anything else.</summary>
    Bytes,
}
