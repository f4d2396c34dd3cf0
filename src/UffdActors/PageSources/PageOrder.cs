using UffdActors.Model.Memory;

namespace UffdActors;

/// <summary>
/// A request for pages: base pages of 4 KiB whatever the region's own page size is; of larger pages whole ones are asked for.
/// </summary>
/// <param name="Id">Chosen by the asker; comes back with every answer.</param>
/// <param name="Region">Region that the pages belong to.</param>
/// <param name="FirstPage">First page within the region.</param>
/// <param name="Pages">Pages wanted, at least 1.</param>
/// <param name="Urgency">How urgently.</param>
/// <param name="Buffer">
/// Native memory of at least the pages' size, which stays the asker's. The source may put the bytes there, each page at its own place (the
/// first one at 0, the next one 4096 bytes on), or answer with an address of its own that stays valid for as long as the source lives.
/// </param>
/// <param name="Cancel">The answer is not wanted any more.</param>
public readonly record struct PageOrder(
    long Id, int Region, long FirstPage, int Pages, Urgency Urgency, nint Buffer, CancellationToken Cancel)
{
    /// <summary>The place of some of the pages in <see cref="Buffer"/>, for a source that reads into it.</summary>
    /// <param name="firstPage">First page within the region.</param>
    /// <param name="pages">How many.</param>
    /// <returns>Native memory, 4096 bytes a page; valid until the order has been answered in full.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A page is not one of the order's.</exception>
    public Span<byte> Room(long firstPage, int pages)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(firstPage, FirstPage);
        ArgumentOutOfRangeException.ThrowIfLessThan(pages, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstPage + pages, FirstPage + Pages);
        return NativeBuffer.At(Buffer + (nint)((firstPage - FirstPage) << PageSize.BaseShift), pages << PageSize.BaseShift);
    }
}
