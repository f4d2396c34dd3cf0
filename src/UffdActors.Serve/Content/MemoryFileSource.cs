using System.Diagnostics;
using UffdActors.Model.Memory;

namespace UffdActors.Serve.Content;

/// <summary>
/// The pages of one guest, out of a memory file: each region from its place in the file on. Answers at once, and keeps nothing.
/// </summary>
/// <param name="file">The file; stays the caller's.</param>
/// <param name="offsets">Byte of the file at which each region begins, by the number of the region.</param>
/// <param name="pages">Base pages of all regions.</param>
internal sealed class MemoryFileSource(MemoryFile file, IReadOnlyList<long> offsets, long pages) : IPageSource
{
    private long _bytes;
    private long _reads;
    private long _ticks;
    private long _longest;

    /// <summary>Bytes that have been read from the file.</summary>
    public long BytesRead => Volatile.Read(ref _bytes);

    /// <summary>Mean and longest time of a read.</summary>
    public (TimeSpan Mean, TimeSpan Longest) ReadTimes()
    {
        long reads = Math.Max(1, Volatile.Read(ref _reads));
        return (Stopwatch.GetElapsedTime(0, Volatile.Read(ref _ticks) / reads), Stopwatch.GetElapsedTime(0, Volatile.Read(ref _longest)));
    }

    /// <inheritdoc />
    public long Pages => pages;

    /// <inheritdoc />
    public bool AnswersAtOnce => true;

    /// <inheritdoc />
    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        long first = offsets[order.Region] >> PageSize.BaseShift;
        for (int done = 0; done < order.Pages;)
        {
            long page = order.FirstPage + done;
            (bool isStored, int run) = file.Stored.RunAt(first + page, order.Pages - done);
            if (isStored && !TryRead(order, page, run, first, receiver)) return;
            receiver.Received(
                order.Id, page, run, isStored ? SourceContent.Bytes : SourceContent.Zero,
                isStored ? order.Buffer + (nint)((long)done << PageSize.BaseShift) : 0);
            done += run;
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
    }

    private bool TryRead(in PageOrder order, long page, int run, long first, IPageReceiver receiver)
    {
        try
        {
            Span<byte> room = order.Room(page, run);
            long begun = Stopwatch.GetTimestamp();
            file.Read((first + page) << PageSize.BaseShift, room);
            long took = Stopwatch.GetTimestamp() - begun;
            Volatile.Write(ref _bytes, _bytes + room.Length);
            Volatile.Write(ref _reads, _reads + 1);
            Volatile.Write(ref _ticks, _ticks + took);
            if (took > _longest) Volatile.Write(ref _longest, took);
            return true;
        }
        catch (Exception e) when (e is PageLostException or IOException)
        {
            receiver.Failed(order.Id, e);
            return false;
        }
    }
}
