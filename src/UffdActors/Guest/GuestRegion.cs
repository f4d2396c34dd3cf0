using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors;

/// <summary>A region of guest memory. A page is named by region and number, the same on both sides of a migration.</summary>
public sealed class GuestRegion
{
    // One call unmaps at a time; the others wait for how it ends.
    private readonly SemaphoreSlim _unmapping = new(1, 1);
    private AliasPages? _comesThrough;
    private volatile bool _isUnmapped;

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

    /// <summary>True if the memory was mapped by other code, and stays when the VM goes.</summary>
    public bool IsAdopted { get; internal init; }

    internal ulong AliasAddress { get; }

    /// <summary>Keeps what goes in through the alias; null for none.</summary>
    internal WrittenJournal? Written { get; init; }

    /// <summary>
    /// Content comes in through the alias, page by page; set while the region is registered so. The cache has pages from the beginning, of
    /// zeros, so only this tells which of them are the guest's.
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

    /// <summary>Nothing was allocated through its alias when it was mapped.</summary>
    internal bool IsAliasEmpty { get; init; }

    /// <summary>The VM that has mapped it; null where none is needed.</summary>
    internal VmRoot? Vm { get; init; }

    /// <summary>Its page cache holds all content already.</summary>
    internal bool IsFilled { get; init; }

    /// <summary>What the VM's kernel has the memory by.</summary>
    internal object? Memory { get; init; }

    /// <summary>True from the moment at which it begins to be unmapped; false again if the kernel refuses.</summary>
    internal bool IsUnmapped => _isUnmapped;

    /// <summary>
    /// Base pages that are unmapped, from the first on: the call goes in slices, and one that the kernel refuses behind its first slice can
    /// be made again from there, and from nowhere else.
    /// </summary>
    internal long UnmappedPages { get; set; }

    /// <summary>For the start of every call that names a region.</summary>
    /// <exception cref="ArgumentException">It is a region of another VM.</exception>
    /// <exception cref="InvalidOperationException">It has been unmapped: its addresses may be another mapping's by now.</exception>
    internal void ThrowIfUnusable(VmRoot vm)
    {
        ThrowIfForeign(vm);
        ThrowIfUnmapped();
    }

    /// <exception cref="InvalidOperationException">It has been unmapped.</exception>
    internal void ThrowIfUnmapped()
    {
        if (_isUnmapped) throw new InvalidOperationException($"Region {Id} has been unmapped; map another one.");
    }

    /// <exception cref="InvalidOperationException">Nothing of it is left to be unmapped.</exception>
    internal void ThrowIfUnmappedInFull()
    {
        if (UnmappedPages is 0 || UnmappedPages == Pages) ThrowIfUnmapped();
    }

    /// <summary>
    /// Uses the region up. Of several calls one unmaps, the others find it unmapped; if it fails the next one tries, and the region is as
    /// before unless a part has gone.
    /// </summary>
    /// <exception cref="InvalidOperationException">It has been unmapped.</exception>
    internal async Task UnmapAsync(Func<Task> unmap)
    {
        await _unmapping.WaitAsync();
        try
        {
            ThrowIfUnmappedInFull();
            _isUnmapped = true;
            try
            {
                await unmap();
            }
            catch
            {
                _isUnmapped = UnmappedPages > 0;
                throw;
            }
        }
        finally
        {
            _ = _unmapping.Release();
        }
    }

    internal void ThrowIfForeign(VmRoot vm)
    {
        if (Vm != vm) throw new ArgumentException($"Region {Id} is a region of another VM ({Vm?.Name}); it cannot be used with {vm.Name}.");
    }

    /// <summary>Address of a page of the region.</summary>
    internal ulong AddressOf(long page) => Address + ((ulong)page << PageSize.BaseShift);

    /// <summary>Knows where the guest has moved parts of it; null while it is not served.</summary>
    internal FaultReader? Reader { get; set; }

    /// <summary>
    /// Pages that have been unregistered while others of the region still are: no fault of theirs comes any more, and they stay where they
    /// are.
    /// </summary>
    internal PageRanges Unregistered { get; } = new();

    /// <summary>Where a page is now, by the events read so far; null if it is mapped nowhere.</summary>
    internal ulong? PlaceOf(long page)
    {
        if (Reader is not { } reader || Unregistered.Contains(page)) return AddressOf(page);
        RegionView view = reader.View;
        long first = PageSize.PageOf(Address) + page;
        if (view.Find(first) is { } here && here.Id == Id && here.PageOf(first) == page) return AddressOf(page);
        return view.FindPart(Id, page) is { } part ? PageSize.AddressOf(part.Base + page) : null;
    }

    /// <summary>Ranges of the address space as ranges of a region.</summary>
    /// <param name="ranges">Ranges.</param>
    /// <param name="pageZero">Page of the address space that is page 0 of the region, for what lies there.</param>
    internal static IReadOnlyList<PageRange> PagesOf(IReadOnlyList<PageRange> ranges, long pageZero) =>
        [.. ranges.Select(r => new PageRange(r.Start - pageZero, r.End - pageZero))];

    /// <summary>The same for a call that cannot be made for a part of a huge page.</summary>
    /// <exception cref="ArgumentException">The range begins or ends inside a page.</exception>
    internal PageRange WholeRange(long firstPage, long pages)
    {
        PageRange range = Range(firstPage, pages);
        int unit = PageBytes >> PageSize.BaseShift;
        if ((firstPage | pages) % unit != 0)
            throw new ArgumentException(
                $"{pages} pages from page {firstPage} on are not whole pages of region {Id}, which has {PageBytes} bytes a page; use "
                    + $"multiples of {unit}.", nameof(pages));
        return range;
    }

    /// <summary>Checks a range of pages that a caller names.</summary>
    internal PageRange Range(long firstPage, long pages)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstPage);
        ArgumentOutOfRangeException.ThrowIfLessThan(pages, 1);
        if (pages > Pages - firstPage)
            throw new ArgumentOutOfRangeException(
                nameof(pages), pages, $"Region {Id} has {Pages} pages; {pages} from page {firstPage} on are not in it.");
        return new PageRange(firstPage, firstPage + pages);
    }
}
