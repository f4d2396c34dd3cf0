using System.Diagnostics;
using UffdActors.Model.Memory;

namespace UffdActors.Serve.Content;

/// <summary>
/// Content out of the files of a snapshot. Pages in the kernel's page cache are read at once, in the caller's turn; pages on disk are read
/// by threads that may block. Holes are zeros, and are not read.
/// </summary>
/// <param name="files">The files; disposed of with this object.</param>
/// <param name="holdBack">For tests: called before a read, which then is never made at once; null for none.</param>
internal sealed class FileContent(MemoryLayers files, Action<long>? holdBack = null) : IContent
{
    /// <inheritdoc />
    public long Pages { get; } = PageSize.PagesFor(files.Bytes);

    /// <inheritdoc />
    public (bool IsZero, int Pages) RunAt(long page, int most)
    {
        (MemoryFile? from, int run) = files.RunAt(page, most);
        return (from is null, run);
    }

    /// <inheritdoc />
    public bool TryAnswer(in PageOrder order, long distance, ContentReader reader, IPageReceiver receiver)
    {
        // All of the order is read before any of it is answered.
        for (int done = 0; done < order.Pages;)
        {
            (MemoryFile? from, int run) = files.RunAt(order.FirstPage + done + distance, order.Pages - done);
            if (from is not null && !TryRead(from, order, done, run, distance, reader)) return false;
            done += run;
        }

        for (int done = 0; done < order.Pages;)
        {
            (MemoryFile? from, int run) = files.RunAt(order.FirstPage + done + distance, order.Pages - done);
            Answer(order, done, run, isStored: from is not null, receiver);
            done += run;
        }

        return true;
    }

    /// <inheritdoc />
    public void Request(in PageOrder order, long distance, ContentReader reader, IPageReceiver receiver)
    {
        for (int done = 0; done < order.Pages;)
        {
            (MemoryFile? from, int run) = files.RunAt(order.FirstPage + done + distance, order.Pages - done);
            if (from is not null && !TryRead(from, order, done, run, distance, reader))
            {
                // One reader for the whole rest: an order's buffer has one writer until the order has failed or is answered.
                reader.Lane.Add(new FileRead(this, order, done, distance, reader.Reads, receiver), order.Urgency);
                return;
            }

            Answer(order, done, run, isStored: from is not null, receiver);
            done += run;
        }
    }

    /// <summary>Reads what is left of an order, however long that takes.</summary>
    /// <exception cref="PageLostException">A file was written to.</exception>
    /// <exception cref="IOException">It cannot be read now.</exception>
    /// <exception cref="ObjectDisposedException">The content was disposed of.</exception>
    public void ReadOn(in PageOrder order, int done, long distance, ContentReads reads, IPageReceiver receiver)
    {
        while (done < order.Pages && !order.Cancel.IsCancellationRequested)
        {
            long page = order.FirstPage + done + distance;
            (MemoryFile? from, int run) = files.RunAt(page, order.Pages - done);
            if (from is not null)
            {
                holdBack?.Invoke(page);
                Span<byte> room = order.Room(order.FirstPage + done, run);
                long begun = Stopwatch.GetTimestamp();
                from.Read(page << PageSize.BaseShift, room);
                reads.Note(room.Length, begun);
            }

            Answer(order, done, run, isStored: from is not null, receiver);
            done += run;
        }
    }

    /// <inheritdoc />
    public void Dispose() => files.Dispose();

    private bool TryRead(MemoryFile from, in PageOrder order, int done, int run, long distance, ContentReader reader)
    {
        if (holdBack is not null) return false;
        Span<byte> room = order.Room(order.FirstPage + done, run);
        long begun = Stopwatch.GetTimestamp();
        if (!from.TryReadCached((order.FirstPage + done + distance) << PageSize.BaseShift, room)) return false;
        reader.Reads.Note(room.Length, begun);
        return true;
    }

    private static void Answer(in PageOrder order, int done, int run, bool isStored, IPageReceiver receiver) => receiver.Received(
        order.Id, order.FirstPage + done, run, isStored ? SourceContent.Bytes : SourceContent.Zero,
        isStored ? order.Buffer + (nint)((long)done << PageSize.BaseShift) : 0);
}
