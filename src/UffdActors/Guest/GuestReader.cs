using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Model.Memory;

namespace UffdActors;

/// <summary>
/// Reads guest memory that is there, without faulting: mapped or not, in swap or not. For one thread at a time; each may have a reader of
/// its own.
/// </summary>
/// <remarks>
/// It raises no userfault and makes no absent page present. A page in swap is brought back by being read, as by any other access.
/// A part that the guest has moved is read where it is now, if it is served and its events are asked for (EVENT_REMAP).
/// Memory of another process is read if the process is named (<see cref="AdoptedMemory.ProcessId"/>), or through the memory's own file.
/// </remarks>
public abstract class GuestReader
{
    private readonly VmRoot _vm;

    private protected GuestReader(VmRoot vm) => _vm = vm;

    /// <summary>Copies a page out.</summary>
    /// <param name="region">Region.</param>
    /// <param name="page">Page of the region.</param>
    /// <param name="destination">Where the bytes go; up to a page of them.</param>
    /// <returns>
    /// False if the page is absent or poisoned. A page of the cache counts as absent while its content is still to come: where faults are
    /// resolved by CONTINUE through an alias, and it has not been written there yet.
    /// </returns>
    /// <exception cref="InvalidOperationException">
    /// The region has been unmapped; or the memory is another process's, and neither that process nor a descriptor was named when it was
    /// adopted.
    /// </exception>
    /// <exception cref="UffdException">ESRCH: the process whose memory it is has ended.</exception>
    /// <exception cref="ArgumentException">It is a region of another VM.</exception>
    /// <exception cref="ObjectDisposedException">
    /// The VM has been disposed of. Until its memory is given back, which is the last of that, it can be read.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The page is not in the region, or the destination is longer than a base page.
    /// </exception>
    public bool TryRead(GuestRegion region, long page, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(region);
        region.ThrowIfUnusable(_vm);
        _vm.ThrowIfFreed();
        ArgumentOutOfRangeException.ThrowIfNegative(page);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(page, region.Pages);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(destination.Length, PageSize.Base);
        return TryReadPage(region, page, region.IsCacheDelivered(page), destination);
    }

    /// <summary>
    /// Copies pages out in one piece, if that can be done: cheaper than page by page, and refused where one of them is not mapped, though
    /// it may have content all the same.
    /// </summary>
    /// <param name="region">Region.</param>
    /// <param name="firstPage">First page of the region.</param>
    /// <param name="destination">Where the bytes go: as many whole pages as it has room for, at least one.</param>
    /// <returns>False if they have to be read page by page (<see cref="TryRead"/>); what is in the destination then is nothing.</returns>
    /// <exception cref="InvalidOperationException">See <see cref="TryRead"/>.</exception>
    /// <exception cref="ArgumentException">It is a region of another VM.</exception>
    /// <exception cref="ObjectDisposedException">See <see cref="TryRead"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The destination is shorter than a page, or the pages are not in the region.
    /// </exception>
    public bool TryReadPages(GuestRegion region, long firstPage, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(region);
        region.ThrowIfUnusable(_vm);
        _vm.ThrowIfFreed();
        int pages = destination.Length >> PageSize.BaseShift;
        ArgumentOutOfRangeException.ThrowIfLessThan(pages, 1, nameof(destination));
        ArgumentOutOfRangeException.ThrowIfNegative(firstPage);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstPage + pages, region.Pages, nameof(firstPage));
        return TryReadMapped(region, firstPage, destination[..(pages << PageSize.BaseShift)]);
    }

    /// <summary>True if a page has content, or it cannot be told from here.</summary>
    /// <param name="region">Region.</param>
    /// <param name="page">Page of the region.</param>
    /// <param name="isMapped">What is in the cache alone does not count: it was never touched through the mapping.</param>
    internal bool IsThere(GuestRegion region, long page, bool isMapped = false)
    {
        try
        {
            Span<byte> any = stackalloc byte[1];
            return TryReadPage(region, page, withCache: !isMapped, any);
        }
        catch (Exception e) when (e is InvalidOperationException or UffdException)
        {
            return true;
        }
    }

    /// <summary>True if a page has left the mapping with no mark of protection in its place, and its content is still there.</summary>
    internal bool HasLeftOpen(GuestRegion region, long page)
    {
        try
        {
            return EntryOf(region, page) is (IsMapped: false, IsProtected: false) && IsThere(region, page);
        }
        catch (Exception e) when (e is InvalidOperationException or UffdException)
        {
            return false;
        }
    }

    /// <summary>A page's entry and content; null if it cannot be told from here.</summary>
    internal PageLook? Look(GuestRegion region, long page)
    {
        try
        {
            if (EntryOf(region, page) is not var (isMapped, isProtected)) return null;
            Span<byte> bytes = stackalloc byte[PageSize.Base];
            SeenContent content = !TryReadPage(region, page, region.IsCacheDelivered(page), bytes) ? SeenContent.None
                : bytes.ContainsAnyExcept((byte)0) ? SeenContent.Bytes
                : SeenContent.Zeros;
            return new PageLook(isMapped, isProtected, content);
        }
        catch (Exception e) when (e is InvalidOperationException or UffdException)
        {
            return null;
        }
    }

    /// <summary>What the page table has of a page: whether it is mapped, and protected; null if that cannot be seen from here.</summary>
    private protected abstract (bool IsMapped, bool IsProtected)? EntryOf(GuestRegion region, long page);

    /// <summary><see cref="TryRead"/> in one world.</summary>
    /// <param name="region">Region.</param>
    /// <param name="page">Page of the region.</param>
    /// <param name="withCache">False if what the cache holds of the page, but the mapping does not, is not the guest's content yet.</param>
    /// <param name="destination">Where the bytes go.</param>
    private protected abstract bool TryReadPage(GuestRegion region, long page, bool withCache, Span<byte> destination);

    /// <summary><see cref="TryReadPages"/> in one world; false where there is no cheaper way than page by page.</summary>
    /// <param name="region">Region.</param>
    /// <param name="firstPage">First page of the region.</param>
    /// <param name="destination">Where the bytes go, whole pages.</param>
    private protected abstract bool TryReadMapped(GuestRegion region, long firstPage, Span<byte> destination);
}
