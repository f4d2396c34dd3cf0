using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>A registered range as handlers see it.</summary>
/// <param name="Id">Number of the region; the same on both sides of a migration.</param>
/// <param name="Range">Where it is mapped, in base pages.</param>
/// <param name="Base">Page of the address space that is page 0 of the region; differs from the start once parts are gone or moved.</param>
/// <param name="By">How its faults are resolved.</param>
/// <param name="Pages">What has become of its pages.</param>
/// <param name="Alias">The second mapping through which content goes in; only for <see cref="ResolveBy.Continue"/>.</param>
/// <param name="PageShift">log2 of its own page size: what one fault is about, and one fill spans.</param>
/// <param name="IsProtected">
/// It is registered for write protection, so whatever is filled is installed protected: a later write must show.
/// </param>
internal sealed record ServedRegion(
    int Id,
    PageRange Range,
    long Base,
    ResolveBy By,
    RegionPages Pages,
    AliasPages? Alias = null,
    int PageShift = PageSize.BaseShift,
    bool IsProtected = false)
{
    /// <summary>Pages of it that have been filled.</summary>
    public PageBitmap Received => Pages.Received;

    /// <summary>Pages that have gone without a write, for the dirty set; null where none is kept.</summary>
    public ZeroedPages? Zeroed { get; init; }

    /// <summary>
    /// Its faults are resolved by <see cref="ResolveBy.ContinueAsIs"/>, and MISSING is registered too: what is not in the cache is copied
    /// in. Where MINOR is registered alone, the code that fills the cache is to put it there.
    /// </summary>
    public bool CopiesHoles { get; init; }

    /// <summary>
    /// A page of zeros may stay a hole: it takes memory when it is filled, and a touch before that raises a fault. Not where writes are
    /// watched, for an empty entry is found like a written one.
    /// </summary>
    public bool KeepsHoles { get; init; }

    /// <summary>Base pages in a page of the region's own size.</summary>
    public int UnitPages => 1 << (PageShift - PageSize.BaseShift);

    /// <summary>Mode of the fill of a page: protection is part of the same call, for between two calls a write would go unseen.</summary>
    /// <param name="page">Page of the region.</param>
    public FillModes FillModesOf(long page) => IsProtected && !Pages.IsOpen(page) ? FillModes.WriteProtect : FillModes.None;

    /// <summary>
    /// True for a page of the cache that had been written when it left the mapping (swap, DONTNEED), and is to come back without protection
    /// then: else the mark that it was written would be lost.
    /// </summary>
    /// <param name="page">Page of the region.</param>
    /// <param name="thread">The thread that maps it.</param>
    public bool HasLeftOpen(long page, MonitorThread thread) =>
        IsProtected && Pages.WasMarked(page) && thread.HasLeftOpen(PageSize.AddressOf(Base + page));

    /// <summary>Page within the region of a page of the address space.</summary>
    public long PageOf(long page) => page - Base;

    /// <summary>
    /// True if what a request is about lies at its address; something else may have moved there since its fault was read.
    /// </summary>
    public bool Holds(PageRequest request) => request.Region.Id == Id && PageOf(PageSize.PageOf(request.Address)) == request.Page;

    /// <summary>First address of the region's own page that holds an address.</summary>
    public ulong HeadOf(ulong address) => address >> PageShift << PageShift;

    /// <summary>
    /// How zeros get into a page. The zero page is a base page, which no ioctl maps write-protected, and ZEROPAGE refuses an entry that
    /// holds nothing but a marker: zeros are copied where one of these matters.
    /// </summary>
    /// <param name="copiesZeros">ZEROPAGE has been refused (<see cref="FillAnswer.CopyZeros"/>).</param>
    public FillKind ZeroFill(bool copiesZeros) => UnitPages > 1 || IsProtected || copiesZeros ? FillKind.Copy : FillKind.ZeroPage;
}
