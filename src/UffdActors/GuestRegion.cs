using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors;

/// <summary>A region of guest memory. A page is named by region and number, the same on both sides of a migration.</summary>
public sealed class GuestRegion
{
    private AliasPages? _comesThrough;

    internal GuestRegion(int id, ulong address, long pages, string? module, int pageBytes, ulong aliasAddress)
    {
        Id = id;
        Address = address;
        Pages = pages;
        Module = module;
        PageBytes = pageBytes;
        AliasAddress = aliasAddress;
    }

    /// <summary>Number of the region.</summary>
    public int Id { get; }

    /// <summary>Where it is mapped.</summary>
    public ulong Address { get; }

    /// <summary>Base pages.</summary>
    public long Pages { get; }

    /// <summary>Bytes.</summary>
    public ulong Bytes => (ulong)Pages << PageSize.BaseShift;

    /// <summary>Name of the memory module; null for anonymous memory.</summary>
    public string? Module { get; }

    /// <summary>Bytes of a page of this memory: those of a base page, or more.</summary>
    public int PageBytes { get; }

    /// <summary>True if the memory belongs to whoever has mapped it, and stays when the VM goes.</summary>
    public bool IsAdopted { get; internal init; }

    internal ulong AliasAddress { get; }

    /// <summary>
    /// Content comes in through the alias, page by page; set while the region is registered so. The cache has pages from the beginning, of zeros,
    /// so only this tells which of them are the guest's.
    /// </summary>
    internal AliasPages? ComesThrough
    {
        get => Volatile.Read(ref _comesThrough);
        set => Volatile.Write(ref _comesThrough, value);
    }

    /// <summary>True if what the cache has of a page is the guest's content.</summary>
    internal bool IsCacheDelivered(long page)
    {
        if (ComesThrough is not { } alias) return true;
        int unit = PageBytes >> PageSize.BaseShift;
        return alias.IsGuests(page - (page % unit));
    }

    /// <summary>Address of a page of the region.</summary>
    internal ulong AddressOf(long page) => Address + ((ulong)page << PageSize.BaseShift);

    /// <summary>Ranges of the address space as ranges of the region.</summary>
    internal IReadOnlyList<PageRange> PagesOf(IReadOnlyList<PageRange> ranges)
    {
        long first = PageSize.PageOf(Address);
        return [.. ranges.Select(r => new PageRange(r.Start - first, r.End - first))];
    }

    /// <summary>Checks a range of pages that somebody names.</summary>
    internal PageRange Range(long firstPage, long pages)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstPage);
        ArgumentOutOfRangeException.ThrowIfLessThan(pages, 1);
        if (pages > Pages - firstPage)
            throw new ArgumentOutOfRangeException(nameof(pages), pages, $"Region {Id} has {Pages} pages; {pages} from page {firstPage} on are not in it.");
        return new PageRange(firstPage, firstPage + pages);
    }
}
