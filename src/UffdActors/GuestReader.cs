using UffdActors.Model.Memory;

namespace UffdActors;

/// <summary>Reads guest memory that is there, without faulting. For one thread at a time; each may have a reader of its own.</summary>
public abstract class GuestReader
{
    private protected GuestReader()
    {
    }

    /// <summary>Copies a page out.</summary>
    /// <param name="region">Region.</param>
    /// <param name="page">Page of the region.</param>
    /// <param name="destination">Where the bytes go; up to a page of them.</param>
    /// <returns>False if the page is not mapped.</returns>
    public bool TryRead(GuestRegion region, long page, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(region);
        ArgumentOutOfRangeException.ThrowIfNegative(page);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(page, region.Pages);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(destination.Length, PageSize.Base);
        return TryReadPage(region, page, destination);
    }

    private protected abstract bool TryReadPage(GuestRegion region, long page, Span<byte> destination);
}
