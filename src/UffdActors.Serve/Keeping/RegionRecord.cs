namespace UffdActors.Serve.Keeping;

/// <summary>A region of a guest that is kept.</summary>
/// <param name="Address">First address in the VMM.</param>
/// <param name="Bytes">Length.</param>
/// <param name="FileOffset">Byte of the memory file that is its first.</param>
/// <param name="PageBytes">Bytes of a page.</param>
/// <param name="RegisteredAs">What the kernel has reported of its registration; null while that is not known.</param>
internal sealed record RegionRecord(ulong Address, long Bytes, long FileOffset, int PageBytes, UffdIoctls? RegisteredAs)
{
    /// <summary>The same as the VMM describes it.</summary>
    public HandedRegion Handed => new(Address, Bytes, FileOffset, PageBytes);
}
