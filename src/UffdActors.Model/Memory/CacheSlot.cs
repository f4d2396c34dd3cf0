namespace UffdActors.Model.Memory;

/// <summary>
/// One slot of a file's page cache: present (bit 0), up to date (bit 1), and the folio number or stamp above, as in an entry.
/// </summary>
/// <remarks>
/// A page that <c>fallocate</c>(2) made is present but not up to date until it is first used: SEEK_DATA and fault-around pass over it,
/// everything else finds it (SEMANTICS 4.1.4).
/// </remarks>
public readonly record struct CacheSlot(uint Word)
{
    private const uint PresentBit = 1;
    private const uint UpToDateBit = 2;
    private const int FolioShift = 6;

    /// <summary>A hole.</summary>
    public static CacheSlot Empty => default;

    /// <summary>True if the file has a page here.</summary>
    public bool IsPresent => (Word & PresentBit) != 0;

    /// <summary>True if the page has been used.</summary>
    public bool IsUpToDate => (Word & UpToDateBit) != 0;

    /// <summary>The folio or stamp.</summary>
    public uint Folio => Word >> FolioShift;

    /// <summary>A page in use.</summary>
    public static CacheSlot Page(uint folio) => new(PresentBit | UpToDateBit | (folio << FolioShift));

    /// <summary>A page that was only allocated.</summary>
    public static CacheSlot Allocated(uint folio) => new(PresentBit | (folio << FolioShift));
}
