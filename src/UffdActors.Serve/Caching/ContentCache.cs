using System.Diagnostics.CodeAnalysis;
using UffdActors.Model.Memory;
using UffdActors.Serve.Caching;
using UffdActors.Serve.Content;

namespace UffdActors.Serve;

/// <summary>
/// Content of snapshots in memory, one for all sessions of a process: a chunk is fetched once, however many sessions ask for it, and stays
/// until its room is needed. Sessions of the same files (by device, inode, size and times), or of the same key of a back end, share it.
/// </summary>
/// <remarks>Any thread. To be disposed of after the sessions.</remarks>
public sealed class ContentCache : IDisposable
{
    /// <summary>Bytes of a chunk: what is fetched at a time.</summary>
    public const int ChunkBytes = 256 << 10;

    /// <summary>The least that a cache can have, in bytes: 16 MiB.</summary>
    public const long MinBytes = 64L * ChunkBytes;

    internal const int ChunkPages = ChunkBytes / PageSize.Base;
    private const int MostFetches = 32;
    // An order of a guest is of two chunks at the most.
    private const int MostInATurn = 2;

    [ThreadStatic]
    private static bool t_isFetching;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, CachedSnapshot> _snapshots = new(StringComparer.Ordinal);
    // Second chance (CLOCK): a chunk that was used since it was last at the front goes to the end of the queue.
    private readonly Queue<CacheChunk> _held = new();
    private readonly Queue<CacheChunk> _demands = new();
    private readonly Queue<CacheChunk> _pushes = new();
    private readonly Stack<NativeBuffer> _free = new();
    private readonly long _mostBuffers;
    private long _buffers;
    private int _fetching;
    private long _hits;
    private long _misses;
    private long _fetches;
    private long _bytesFetched;
    private long _evicted;
    private bool _isFetchingElsewhere;
    private bool _isDisposed;

    /// <summary>Makes an empty one.</summary>
    /// <param name="maxBytes">Bytes of content that it may have, at least <see cref="MinBytes"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is less than <see cref="MinBytes"/>.</exception>
    public ContentCache(long maxBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBytes, MinBytes);
        MaxBytes = maxBytes;
        _mostBuffers = maxBytes / ChunkBytes;
    }

    /// <summary>Bytes of content that it may have.</summary>
    public long MaxBytes { get; }

    /// <summary>Counters.</summary>
    public ContentCacheFigures Figures()
    {
        lock (_gate)
            return new ContentCacheFigures(
                Volatile.Read(ref _hits), _misses, _fetches, _bytesFetched, _evicted, (_buffers - _free.Count) * ChunkBytes);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            foreach (CachedSnapshot snapshot in _snapshots.Values) snapshot.Back?.Dispose();
            foreach (NativeBuffer buffer in _free) buffer.Dispose();
            foreach (CacheChunk chunk in _held)
            {
                // The buffers of other chunks are freed with their last reference: somebody may still read or write them.
                if (chunk is { State: ChunkState.Ready, HasSecondOrder: false, IsPinned: false }) chunk.Buffer?.Dispose();
                chunk.State = ChunkState.Gone;
            }

            _snapshots.Clear();
            _held.Clear();
            _free.Clear();
        }
    }

    /// <summary>Opens a snapshot for a session.</summary>
    /// <param name="key">What is the same content has the same.</param>
    /// <param name="back">Where it comes from; it belongs to the cache from here on.</param>
    internal IContent Open(string key, IContent back)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (!_snapshots.TryGetValue(key, out CachedSnapshot? snapshot))
                _snapshots.Add(key, snapshot = new CachedSnapshot(this, key, back.Pages));
            snapshot.Sessions++;
            if (snapshot.Back is null) snapshot.Back = back;
            else back.Dispose();
            return new CachedContent(this, snapshot, snapshot.Back);
        }
    }

    /// <summary>A session has ended.</summary>
    internal void Leave(CachedSnapshot snapshot)
    {
        lock (_gate)
        {
            if (--snapshot.Sessions > 0) return;
            snapshot.Back?.Dispose();
            snapshot.Back = null;
            if (snapshot.Chunks.Count == 0) _ = _snapshots.Remove(snapshot.Key);
        }
    }

    /// <summary>Pins a chunk that is there; null if it is not.</summary>
    internal CacheChunk? TryPin(CachedSnapshot snapshot, long number)
    {
        lock (_gate)
        {
            if (!snapshot.Chunks.TryGetValue(number, out CacheChunk? chunk) || chunk.State != ChunkState.Ready) return null;
            chunk.Pin();
            chunk.IsRecent = true;
            _hits++;
            return chunk;
        }
    }

    /// <summary>Pins chunks that are there; null if one is not.</summary>
    internal CacheChunk[]? TryPin(CachedSnapshot snapshot, long first, int count)
    {
        lock (_gate)
        {
            CacheChunk[] chunks = new CacheChunk[count];
            for (int i = 0; i < count; i++)
            {
                if (!snapshot.Chunks.TryGetValue(first + i, out CacheChunk? chunk) || chunk.State != ChunkState.Ready) return null;
                chunks[i] = chunk;
            }

            foreach (CacheChunk chunk in chunks)
            {
                chunk.Pin();
                chunk.IsRecent = true;
            }

            _hits++;
            return chunks;
        }
    }

    /// <summary>Answers an order when its chunks are there.</summary>
    internal void Request(CachedSnapshot snapshot, in PageOrder order, long distance, ContentReads reads, IPageReceiver receiver)
    {
        CacheWait wait = new(order, distance, reads, receiver);
        List<CacheChunk> ready = [];
        List<CacheChunk> again = [];
        long page = order.FirstPage + distance;
        lock (_gate)
        {
            _misses++;
            for (long number = page / ChunkPages; number <= (page + order.Pages - 1) / ChunkPages; number++)
            {
                CacheChunk chunk = ChunkAt(snapshot, number, order.Urgency);
                wait.Expect();
                if (chunk.State == ChunkState.Ready)
                {
                    chunk.Pin();
                    ready.Add(chunk);
                    continue;
                }

                bool isRepeated = false;
                foreach (CacheWait other in chunk.Waits) isRepeated |= other.IsRepeatedBy(order, receiver);
                chunk.Waits.Add(wait);
                if (!isRepeated || chunk.State != ChunkState.Fetching) continue;
                // The back end may have lost the first order. With two, the answer to one may still be written to the buffer after the
                // other is complete.
                chunk.HasSecondOrder = true;
                again.Add(chunk);
            }
        }

        foreach (CacheChunk chunk in ready)
        {
            wait.Take(chunk);
            chunk.Unpin();
        }

        foreach (CacheChunk chunk in again) snapshot.Fetch(chunk, Interlocked.Increment(ref _fetches));
        FetchNext();
    }

    /// <summary>Lets an answer be copied to a chunk.</summary>
    /// <returns>False if it is not waited for any more.</returns>
    internal bool TryPinForWriting(CacheChunk chunk)
    {
        lock (_gate)
        {
            if (chunk.State != ChunkState.Fetching) return false;
            chunk.Pin();
            return true;
        }
    }

    /// <summary>Part of an answer has been copied to a chunk, which is pinned for that.</summary>
    internal void Received(CacheChunk chunk, int from, int to, SourceContent content)
    {
        CacheWait[] waits;
        lock (_gate)
        {
            chunk.Unpin();
            if (chunk.State != ChunkState.Fetching || !chunk.Take(from, to, content)) return;
            chunk.State = ChunkState.Ready;
            _fetching--;
            if (chunk.IsZero && !chunk.HasSecondOrder)
            {
                _free.Push(chunk.Buffer!);
                chunk.Buffer = null;
            }

            _held.Enqueue(chunk);
            waits = Leave(chunk);
            foreach (CacheWait _ in waits) chunk.Pin();
        }

        foreach (CacheWait wait in waits)
        {
            wait.Take(chunk);
            chunk.Unpin();
        }

        FetchNext();
    }

    /// <summary>A chunk cannot be fetched, now or at all.</summary>
    internal void Failed(CacheChunk chunk, Exception reason)
    {
        CacheWait[] waits;
        lock (_gate)
        {
            if (chunk.State != ChunkState.Fetching) return;
            chunk.State = ChunkState.Gone;
            _fetching--;
            // Its buffer is freed with its last reference: a back end may write to it after it has reported a failure.
            _buffers--;
            _ = chunk.Snapshot.Chunks.Remove(chunk.Number);
            waits = Leave(chunk);
        }

        foreach (CacheWait wait in waits) wait.Fail(reason);
        FetchNext();
    }

    private static CacheWait[] Leave(CacheChunk chunk)
    {
        CacheWait[] waits = [.. chunk.Waits];
        chunk.Waits.Clear();
        return waits;
    }

    private CacheChunk ChunkAt(CachedSnapshot snapshot, long number, Urgency urgency)
    {
        if (!snapshot.Chunks.TryGetValue(number, out CacheChunk? chunk))
        {
            chunk = new CacheChunk(this, snapshot, number, (int)Math.Min(ChunkPages, snapshot.Pages - (number * ChunkPages)))
            {
                Urgency = urgency,
            };
            snapshot.Chunks.Add(number, chunk);
            (urgency == Urgency.Demand ? _demands : _pushes).Enqueue(chunk);
            // Not marked as recent: content that is read once, from one end to the other, is evicted before content that is read again.
            return chunk;
        }

        if (chunk.State == ChunkState.Queued && urgency == Urgency.Demand && chunk.Urgency != Urgency.Demand)
        {
            chunk.Urgency = urgency;
            _demands.Enqueue(chunk);
        }

        chunk.IsRecent = true;
        return chunk;
    }

    // The next chunk is ordered outside the lock: if it is answered at once, this is called again from within. The caller is a fault loop,
    // so it copies about as many chunks as it may have asked for itself; the rest is left to a thread of the pool.
    private void FetchNext()
    {
        if (t_isFetching) return;
        t_isFetching = true;
        int copied = 0;
        while (copied < MostInATurn && TryBegin(out CacheChunk? next, out long id))
        {
            next.Snapshot.Fetch(next, id);
            if (next.State != ChunkState.Fetching) copied++;
        }

        t_isFetching = false;
        if (copied == MostInATurn) FetchElsewhere();
    }

    private void FetchElsewhere()
    {
        lock (_gate)
        {
            if (_isFetchingElsewhere || _isDisposed || _demands.Count + _pushes.Count == 0) return;
            _isFetchingElsewhere = true;
        }

        _ = ThreadPool.UnsafeQueueUserWorkItem(static cache => cache.FetchAll(), this, preferLocal: false);
    }

    private void FetchAll()
    {
        lock (_gate) _isFetchingElsewhere = false;
        t_isFetching = true;
        while (TryBegin(out CacheChunk? next, out long id)) next.Snapshot.Fetch(next, id);
        t_isFetching = false;
    }

    private bool TryBegin([NotNullWhen(true)] out CacheChunk? next, out long id)
    {
        lock (_gate)
        {
            id = 0;
            next = null;
            if (_isDisposed || _fetching == MostFetches || !TryNext(out next)) return false;
            next.State = ChunkState.Fetching;
            next.Buffer = TakeBuffer();
            _fetching++;
            _bytesFetched += (long)next.Pages << PageSize.BaseShift;
            id = Interlocked.Increment(ref _fetches);
            return true;
        }
    }

    private bool TryNext([NotNullWhen(true)] out CacheChunk? next)
    {
        while (_demands.TryDequeue(out next) || _pushes.TryDequeue(out next))
        {
            // A chunk that became more urgent is in both queues.
            if (next.State == ChunkState.Queued) return true;
        }

        return false;
    }

    private NativeBuffer TakeBuffer()
    {
        if (_free.TryPop(out NativeBuffer? free)) return free;
        if (_buffers >= _mostBuffers && Evict() is { } evicted) return evicted;
        // The limit is exceeded only while every chunk is pinned.
        _buffers++;
        return new NativeBuffer(ChunkBytes);
    }

    private NativeBuffer? Evict()
    {
        for (int looked = 2 * _held.Count; looked > 0; looked--)
        {
            CacheChunk chunk = _held.Dequeue();
            if (chunk.IsRecent || chunk.IsPinned)
            {
                chunk.IsRecent = false;
                _held.Enqueue(chunk);
                continue;
            }

            chunk.State = ChunkState.Gone;
            _ = chunk.Snapshot.Chunks.Remove(chunk.Number);
            if (chunk.Snapshot is { Sessions: 0, Chunks.Count: 0 }) _ = _snapshots.Remove(chunk.Snapshot.Key);
            _evicted++;
            NativeBuffer? buffer = chunk.Buffer;
            if (buffer is null) continue;
            if (!chunk.HasSecondOrder) return buffer;
            _buffers--;
            return null;
        }

        return null;
    }
}
