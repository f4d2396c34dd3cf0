using System.Diagnostics;
using UffdActors.Serve.Content;

namespace UffdActors.Serve.Caching;

/// <summary>
/// The content of a snapshot for the sessions that share a cache. Its back end is open while there is a session; its chunks stay cached for
/// later sessions until they are evicted.
/// </summary>
/// <param name="cache">The cache.</param>
/// <param name="key">Its key.</param>
/// <param name="pages">Base pages of it.</param>
internal sealed class CachedSnapshot(ContentCache cache, string key, long pages)
{
    // A fetch serves all sessions, so fetches have a lane of their own, with more reads at a time than a session's.
    private const int Reads = 16;
    private readonly ContentReader _reader = new(new ContentReads(), new ReadLane(ReadPool.Shared, Reads));

    /// <summary>Its key.</summary>
    public string Key => key;

    /// <summary>Base pages of it.</summary>
    public long Pages => pages;

    /// <summary>Its chunks, by number; in the cache's lock.</summary>
    public Dictionary<long, CacheChunk> Chunks { get; } = [];

    /// <summary>The back end, which chunks are fetched from; null while there is no session. Under the cache's lock.</summary>
    public IContent? Back { get; set; }

    /// <summary>Sessions that are there; in the cache's lock.</summary>
    public int Sessions { get; set; }

    /// <summary>Asks for a chunk.</summary>
    public void Fetch(CacheChunk chunk, long id)
    {
        try
        {
            IContent back = Back ?? throw new ObjectDisposedException(key);
            back.Request(
                new PageOrder(id, 0, chunk.FirstPage, chunk.Pages, chunk.Urgency, chunk.Buffer!.Address, CancellationToken.None), 0,
                _reader, chunk);
        }
        catch (Exception e)
        {
            // A source that throws has failed this chunk and no other.
            chunk.Failed(id, e);
        }
    }

    /// <summary>Answers an order out of chunks that are there, or does nothing.</summary>
    public bool TryAnswer(in PageOrder order, long distance, ContentReads reads, IPageReceiver receiver)
    {
        long begun = Stopwatch.GetTimestamp();
        long page = order.FirstPage + distance;
        long first = page / ContentCache.ChunkPages;
        int count = (int)(((page + order.Pages - 1) / ContentCache.ChunkPages) - first) + 1;
        if (count == 1)
        {
            if (cache.TryPin(this, first) is not { } chunk) return false;
            CacheWait.Copy(order, distance, chunk, reads, begun, receiver);
            chunk.Unpin();
            return true;
        }

        if (cache.TryPin(this, first, count) is not { } chunks) return false;
        foreach (CacheChunk chunk in chunks)
        {
            CacheWait.Copy(order, distance, chunk, reads, begun, receiver);
            chunk.Unpin();
        }

        return true;
    }
}
