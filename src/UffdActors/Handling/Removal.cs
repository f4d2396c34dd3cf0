namespace UffdActors.Handling;

/// <summary>What an announced removal has done to a page by now, as far as the page shows it.</summary>
internal enum Removal
{
    /// <summary>It has lost its content.</summary>
    Done,

    /// <summary>It is there, and may lose its content yet (MADV_FREE takes it when it likes): it counts now, and once more.</summary>
    MayCome,

    /// <summary>It has its content; that has only left the mapping, or is just going.</summary>
    Kept,
}
