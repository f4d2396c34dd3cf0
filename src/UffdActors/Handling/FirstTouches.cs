namespace UffdActors.Handling;

/// <summary>
/// Records which pages of a region were faulted on, in order, each once. Written in turns of the context; read from anywhere. An entry is
/// eight bytes, and memory grows by doubling, so a fault seldom pays for it.
/// </summary>
/// <param name="pages">Base pages of the region.</param>
internal sealed class FirstTouches(long pages)
{
    private const int FirstRoom = 4096;
    private readonly PageBitmap _seen = new(pages);
    private long[] _touched = new long[FirstRoom];
    private int _count;

    /// <summary>A thread has faulted on a page.</summary>
    /// <param name="page">First base page of it.</param>
    /// <param name="count">Base pages of it.</param>
    public void Note(long page, int count)
    {
        for (long at = page; at < page + count; at++)
        {
            if (!_seen.Set(at)) continue;
            if (_count == _touched.Length)
            {
                long[] larger = new long[_touched.Length * 2];
                _touched.CopyTo(larger, 0);
                Volatile.Write(ref _touched, larger);
            }

            _touched[_count] = at;
            Volatile.Write(ref _count, _count + 1);
        }
    }

    /// <summary>What has been recorded so far.</summary>
    public WorkingSet Snapshot()
    {
        // The count first: the array that is there then, or a later one, holds as many.
        int count = Volatile.Read(ref _count);
        return new WorkingSet(_seen.Pages, Volatile.Read(ref _touched)[..count]);
    }
}
