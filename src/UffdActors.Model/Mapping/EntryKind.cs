namespace UffdActors.Model.Mapping;

/// <summary>What a page-table entry is.</summary>
internal enum EntryKind : byte
{
    /// <summary>Empty.</summary>
    None = 0,

    /// <summary>The shared page of zeros, read-only.</summary>
    Zero = 1,

    /// <summary>A page of the file's cache.</summary>
    File = 2,

    /// <summary>A private page: anonymous memory, or the private copy of a file page.</summary>
    Anon = 3,

    /// <summary>Empty, and to be write-protected when it is filled.</summary>
    WpMarker = 4,

    /// <summary>Every access fails.</summary>
    Poison = 5,
}
