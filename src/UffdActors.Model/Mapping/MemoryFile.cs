using UffdActors.Model.Memory;

namespace UffdActors.Model.Mapping;

/// <summary>A file of a memory module: a size and a page cache. What a mapping shows of it is in entries, not here.</summary>
/// <remarks>
/// Safe for any thread: slots change by compare-exchange, and a folio that a slot loses is freed only after every mapping of it is
/// gone (RING R5), which the operation that empties the slot ensures.
/// </remarks>
public sealed class MemoryFile : IDisposable
{
    private readonly WordTable _cache;
    private readonly Lock _gate = new();
    private AddressSpace[] _mappers = [];
    private long _bytes;
    private long _pages;

    /// <summary>Makes a file; for modules.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The size in bytes is negative.</exception>
    public MemoryFile(MemoryModule module, Machine machine, long bytes)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Module = module;
        PageShift = module.Facts.PageShift;
        Store = machine.StoreOf(PageShift);
        _cache = new WordTable(machine.WideEntries);
        _bytes = bytes;
    }

    /// <summary>The module that made the file.</summary>
    public MemoryModule Module { get; }

    /// <summary>log2 of the page size.</summary>
    public int PageShift { get; }

    /// <summary>Where the file's folios come from.</summary>
    public FolioStore Store { get; }

    /// <summary>Flags that the file was created with; its module defines them.</summary>
    public ulong Flags { get; init; }

    /// <summary>Size in bytes.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Pages in the cache, whatever they hold.</summary>
    public long Pages => Volatile.Read(ref _pages);

    /// <summary>Native bytes of bookkeeping.</summary>
    public long BookkeepingBytes => _cache.AllocatedBytes;

    /// <summary>Pages below the end of the file; a partial last page counts, but for huge pages, which count only when whole.</summary>
    public long EndIndex => PageShift == PageSize.BaseShift ? PageSize.PagesFor(Bytes) : Bytes >> PageShift;

    /// <summary>The slot of a page.</summary>
    public CacheSlot SlotAt(long index) => new(_cache.Get(index));

    /// <summary>Puts a page into a slot that is empty.</summary>
    /// <returns>False if another page is there.</returns>
    public bool TryAdd(long index, CacheSlot page)
    {
        if (_cache.CompareExchange(index, page.Word, 0) != 0) return false;
        _ = Interlocked.Increment(ref _pages);
        return true;
    }

    /// <summary>Empties a slot and returns what was there.</summary>
    public CacheSlot Remove(long index)
    {
        while (true)
        {
            uint word = _cache.Get(index);
            if (word == 0) return CacheSlot.Empty;
            if (_cache.CompareExchange(index, 0, word) != word) continue;
            _ = Interlocked.Decrement(ref _pages);
            return new CacheSlot(word);
        }
    }

    /// <summary>Notes that an allocated page has been used.</summary>
    public CacheSlot Use(long index)
    {
        while (true)
        {
            CacheSlot slot = SlotAt(index);
            if (!slot.IsPresent || slot.IsUpToDate) return slot;
            CacheSlot used = CacheSlot.Page(slot.Folio);
            if (_cache.CompareExchange(index, used.Word, slot.Word) == slot.Word) return used;
        }
    }

    /// <summary>Makes sure that a page is in the cache, as a page of zeros if it has to be made.</summary>
    /// <param name="index">Page of the file.</param>
    /// <param name="upToDate">
    /// False for fallocate: a new page holds no data yet. A page that is there is marked as used, as by any caller, so a second fallocate
    /// makes it data.
    /// </param>
    /// <returns>Success, or ENOMEM.</returns>
    public Errno EnsurePage(long index, bool upToDate = true)
    {
        if (Use(index).IsPresent) return Errno.None;
        uint folio = Store.AllocateZeroed();
        if (folio == FolioStore.None && Store.HasIdentity) return Errno.ENOMEM;
        if (!TryAdd(index, upToDate ? CacheSlot.Page(folio) : CacheSlot.Allocated(folio))) Store.Free(folio);
        return Errno.None;
    }

    /// <summary>The first index at or behind <paramref name="index"/>, below <paramref name="end"/>, that has a page; or the end.</summary>
    public long NextPage(long index, long end)
    {
        while (index < end && _cache.Run(index, end, out long length) == 0) index += length;
        return Math.Min(index, end);
    }

    /// <summary>Sets the size; the caller removes the pages behind the new end.</summary>
    internal void Resize(long bytes) => Volatile.Write(ref _bytes, bytes);

    /// <summary>Address spaces that map the file, in the order in which they began to.</summary>
    internal IReadOnlyList<AddressSpace> Mappers => Volatile.Read(ref _mappers);

    internal void AddMapper(AddressSpace mm)
    {
        lock (_gate)
        {
            if (!_mappers.Contains(mm)) Volatile.Write(ref _mappers, [.. _mappers, mm]);
        }
    }

    internal void RemoveMapper(AddressSpace mm)
    {
        lock (_gate) Volatile.Write(ref _mappers, [.. _mappers.Where(m => m != mm)]);
    }

    /// <summary>Frees all pages and the cache. No mapping may be left.</summary>
    public void Dispose()
    {
        if (Store.HasIdentity)
        {
            long end = WordTable.Length;
            for (long index = NextPage(0, end); index < end; index = NextPage(index + 1, end)) Store.Free(SlotAt(index).Folio);
        }

        _cache.Dispose();
    }
}
