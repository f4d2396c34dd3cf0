namespace UffdActors.Serve;

/// <summary>A region of a guest's memory, as its VMM describes it.</summary>
/// <param name="Address">First address in the VMM; a multiple of the page size.</param>
/// <param name="Bytes">Length, a multiple of the page size.</param>
/// <param name="FileOffset">Byte of the memory file that is the first of the region; a multiple of 4096.</param>
/// <param name="PageBytes">Bytes of a page of this memory: 4096, or 2 MiB.</param>
public sealed record HandedRegion(ulong Address, long Bytes, long FileOffset, int PageBytes)
{
    /// <summary>First address behind it.</summary>
    public ulong End => Address + (ulong)Bytes;
}
