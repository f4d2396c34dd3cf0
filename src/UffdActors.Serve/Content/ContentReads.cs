using System.Diagnostics;

namespace UffdActors.Serve.Content;

/// <summary>Read counters of a session: bytes that were read for it, and how long that took. Any thread.</summary>
internal sealed class ContentReads
{
    private long _bytes;
    private long _reads;
    private long _ticks;
    private long _longest;

    /// <summary>Bytes that have been read.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Mean and longest time of a read.</summary>
    public (TimeSpan Mean, TimeSpan Longest) Times()
    {
        long reads = Math.Max(1, Volatile.Read(ref _reads));
        return (Stopwatch.GetElapsedTime(0, Volatile.Read(ref _ticks) / reads), Stopwatch.GetElapsedTime(0, Volatile.Read(ref _longest)));
    }

    /// <summary>A read has been made.</summary>
    /// <param name="bytes">Bytes of it.</param>
    /// <param name="begun">Time stamp of its start.</param>
    public void Note(long bytes, long begun)
    {
        long took = Stopwatch.GetTimestamp() - begun;
        _ = Interlocked.Add(ref _bytes, bytes);
        _ = Interlocked.Add(ref _ticks, took);
        _ = Interlocked.Increment(ref _reads);
        long longest = Volatile.Read(ref _longest);
        while (took > longest)
        {
            long seen = Interlocked.CompareExchange(ref _longest, took, longest);
            if (seen == longest) break;
            longest = seen;
        }
    }
}
