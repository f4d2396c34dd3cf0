namespace UffdActors.Conformance.Cells;

/// <summary>How a page of the file comes to be, before it is registered.</summary>
internal enum CellBase
{
    /// <summary>Nothing.</summary>
    Hole,

    /// <summary>In the cache, not mapped.</summary>
    Cached,

    /// <summary>Read once: the zero page, of anonymous memory.</summary>
    ZeroPage,

    /// <summary>Written once.</summary>
    Written,

    /// <summary>The file was truncated before it.</summary>
    BeyondEnd,
}
