using UffdActors.Model.Memory;

namespace UffdActors.Serve.Caching;

/// <summary>
/// A piece of a snapshot in the cache: fetched once, by however many asked for it. Its state changes only under the cache's lock.
/// </summary>
/// <param name="cache">The cache.</param>
/// <param name="snapshot">The snapshot that it is of.</param>
/// <param name="number">Its number in the snapshot.</param>
/// <param name="pages">Base pages of it; fewer at the end of the snapshot.</param>
internal sealed class CacheChunk(ContentCache cache, CachedSnapshot snapshot, long number, int pages) : IPageReceiver
{
    private readonly ulong[] _zeros = new ulong[ContentCache.ChunkPages / 64];
    private readonly ulong[] _taken = new ulong[ContentCache.ChunkPages / 64];
    private int _left = pages;
    private int _pins;

    /// <summary>The snapshot.</summary>
    public CachedSnapshot Snapshot => snapshot;

    /// <summary>Its number in the snapshot.</summary>
    public long Number => number;

    /// <summary>First page of it.</summary>
    public long FirstPage => number * ContentCache.ChunkPages;

    /// <summary>Base pages of it.</summary>
    public int Pages { get; } = pages;

    /// <summary>Where it is.</summary>
    public ChunkState State { get; set; }

    /// <summary>How urgently it is wanted.</summary>
    public Urgency Urgency { get; set; }

    /// <summary>Its bytes; null before it is fetched, and if all of it is zeros.</summary>
    public NativeBuffer? Buffer { get; set; }

    /// <summary>The back end may still write to its buffer although it is ready, because it was ordered twice.</summary>
    public bool HasSecondOrder { get; set; }

    /// <summary>It was used since it was last looked at for eviction.</summary>
    public bool IsRecent { get; set; }

    /// <summary>Who waits for it.</summary>
    public List<CacheWait> Waits { get; } = [];

    /// <summary>True if somebody copies from it, or to it.</summary>
    public bool IsPinned => Volatile.Read(ref _pins) > 0;

    /// <summary>True if nothing of it is anything but zeros.</summary>
    public bool IsZero => Enumerable.Range(0, Pages).All(IsZeroAt);

    /// <summary>Keeps it from being dropped.</summary>
    public void Pin() => Interlocked.Increment(ref _pins);

    /// <summary>Undoes one <see cref="Pin"/>.</summary>
    public void Unpin() => Interlocked.Decrement(ref _pins);

    /// <summary>Whether pages of it are zeros, and how many from the first on are alike.</summary>
    /// <param name="page">Page of it.</param>
    /// <param name="most">The most to count, at least 1.</param>
    public (bool IsZero, int Pages) RunAt(int page, int most)
    {
        bool isZero = IsZeroAt(page);
        int run = 1;
        while (run < most && IsZeroAt(page + run) == isZero) run++;
        return (isZero, run);
    }

    /// <inheritdoc />
    public void Received(long id, long firstPage, int count, SourceContent content, nint address)
    {
        int from = (int)Math.Max(0, firstPage - FirstPage);
        int to = (int)Math.Min(Pages, firstPage + count - FirstPage);
        if (from >= to || !cache.TryPinForWriting(this)) return;
        if (content == SourceContent.Bytes)
        {
            nint source = address + (nint)((FirstPage + from - firstPage) << PageSize.BaseShift);
            nint place = Buffer!.Address + ((nint)from << PageSize.BaseShift);
            if (source != place) Buffer.CopyFrom((long)from << PageSize.BaseShift, source, (to - from) << PageSize.BaseShift);
        }

        cache.Received(this, from, to, content);
    }

    /// <inheritdoc />
    public void Failed(long id, Exception reason) => cache.Failed(this, reason);

    /// <summary>Under the cache's lock: marks the pages of an answer as there.</summary>
    /// <returns>True once everything is there.</returns>
    public bool Take(int from, int to, SourceContent content)
    {
        for (int page = from; page < to; page++)
        {
            ulong bit = 1UL << (page % 64);
            if ((_taken[page / 64] & bit) != 0) continue;
            _taken[page / 64] |= bit;
            if (content == SourceContent.Zero) _zeros[page / 64] |= bit;
            _left--;
        }

        return _left == 0;
    }

    private bool IsZeroAt(int page) => (_zeros[page / 64] >> (page % 64) & 1) != 0;
}
