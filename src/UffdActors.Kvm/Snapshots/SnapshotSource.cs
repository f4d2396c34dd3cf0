using System.Diagnostics;
using UffdActors.Model.Memory;

namespace UffdActors.Kvm.Snapshots;

/// <summary>
/// Pages of a guest out of a snapshot. Pages in the kernel's page cache are read at once, in the caller's turn; pages on disk are read by a
/// thread that may block. Pages that no file stores are zeros, and are not read.
/// </summary>
/// <param name="memory">The snapshot's memory; stays the caller's.</param>
/// <param name="watched">Page whose first answer is timed; null for none.</param>
internal sealed class SnapshotSource(SnapshotMemory memory, long? watched = null) : IPageSource
{
    private long _watchedAt;

    /// <summary>Time stamp of the first answer with the watched page; 0 before.</summary>
    public long WatchedAt => Volatile.Read(ref _watchedAt);

    /// <inheritdoc />
    public long Pages => memory.Pages;

    /// <inheritdoc />
    public bool AnswersAtOnce => false;

    /// <inheritdoc />
    public bool TryAnswer(in PageOrder order, IPageReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        // Nothing is answered before all of it is known to be there.
        for (int done = 0; done < order.Pages;)
        {
            (SnapshotLayer? from, int run) = memory.RunAt(order.FirstPage + done, order.Pages - done);
            if (from is not null && !from.TryReadCached(order.FirstPage + done, order.Room(order.FirstPage + done, run))) return false;
            done += run;
        }

        for (int done = 0; done < order.Pages;) done += Answer(order, done, receiver);
        return true;
    }

    /// <inheritdoc />
    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        if (TryAnswer(order, receiver)) return;
        PageOrder kept = order;
        _ = Task.Run(() => Read(kept, receiver), CancellationToken.None);
    }

    /// <inheritdoc />
    public void Dispose()
    {
    }

    private void Read(in PageOrder order, IPageReceiver receiver)
    {
        try
        {
            for (int done = 0; done < order.Pages && !order.Cancel.IsCancellationRequested;)
            {
                long page = order.FirstPage + done;
                (SnapshotLayer? from, int run) = memory.RunAt(page, order.Pages - done);
                if (from is not null) memory.Read(from, page, order.Room(page, run));
                done += Answer(order, done, receiver);
            }
        }
        catch (KvmSnapshotException e)
        {
            receiver.Failed(order.Id, new PageLostException(e.Message.TrimEnd('.')));
        }
        catch (Exception e)
        {
            // A file that was closed with the guest, among others: the order is over either way.
            receiver.Failed(order.Id, e);
        }
    }

    private int Answer(in PageOrder order, int done, IPageReceiver receiver)
    {
        long page = order.FirstPage + done;
        (SnapshotLayer? from, int run) = memory.RunAt(page, order.Pages - done);
        receiver.Received(
            order.Id, page, run, from is null ? SourceContent.Zero : SourceContent.Bytes,
            from is null ? 0 : order.Buffer + (nint)((long)done << PageSize.BaseShift));
        if (watched >= page && watched < page + run && WatchedAt == 0)
            _ = Interlocked.CompareExchange(ref _watchedAt, Stopwatch.GetTimestamp(), 0);
        return run;
    }
}
