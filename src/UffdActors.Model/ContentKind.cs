namespace UffdActors.Model;

/// <summary>What a page's content is made of.</summary>
public enum ContentKind
{
    /// <summary>Real bytes.</summary>
    Bytes,

    /// <summary>Runs of equal bytes: exact, and cheap for programs that fill pages with one byte.</summary>
    Runs,

    /// <summary>Phantom: one stamp for a page.</summary>
    Stamps,
}
