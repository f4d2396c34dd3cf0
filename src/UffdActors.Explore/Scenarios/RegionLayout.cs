using UffdActors.Model.Memory;

namespace UffdActors.Explore.Scenarios;

/// <summary>
/// Where a scenario's regions lie, and how large their pages are: base pages, or, where its memory is hugetlb, huge pages of 2 MiB. A
/// scenario counts in its own pages, whatever their size; handlers, sources and events count in base pages.
/// </summary>
/// <param name="PageShift">log2 of the page size.</param>
internal readonly record struct RegionLayout(int PageShift)
{
    private const ulong FirstAddress = 0x1000_0000_0000;

    // Far above the others, so that the page size follows from the address.
    private const ulong FirstHugeAddress = 0x2000_0000_0000;
    private const int SpacingPages = 256;
    private const int AliasPages = SpacingPages / 2;

    /// <summary>Bytes in a page.</summary>
    public int PageBytes => 1 << PageShift;

    /// <summary>Base pages in a page.</summary>
    public int UnitPages => 1 << (PageShift - PageSize.BaseShift);

    private ulong First => PageShift == PageSize.BaseShift ? FirstAddress : FirstHugeAddress;

    /// <summary>Address of a page of a region.</summary>
    public ulong AddressOf(int region, int page) => First + ((((ulong)region * SpacingPages) + (ulong)page) << PageShift);

    /// <summary>Address of the same page in the region's alias.</summary>
    public ulong AliasOf(int region, int page) => AddressOf(region, page) + ((ulong)AliasPages << PageShift);

    /// <summary>Region and page of an address; an alias counts as its region.</summary>
    public static (int Region, int Page) PlaceOf(ulong address)
    {
        bool isHuge = address >= FirstHugeAddress;
        ulong pages = isHuge
            ? (address - FirstHugeAddress) >> PageSize.HugeShift
            : (address - FirstAddress) >> PageSize.BaseShift;
        return ((int)(pages / SpacingPages), (int)(pages % AliasPages));
    }
}
