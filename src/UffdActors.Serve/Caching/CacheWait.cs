using System.Diagnostics;
using UffdActors.Model.Memory;
using UffdActors.Serve.Content;

namespace UffdActors.Serve.Caching;

/// <summary>
/// An order that is answered out of the cache, chunk by chunk as they come. A failure is reported only when nothing is copied to the
/// order's buffer any more. Any thread.
/// </summary>
/// <param name="order">The order.</param>
/// <param name="distance">What is added to a page of it.</param>
/// <param name="reads">The session's read counters.</param>
/// <param name="receiver">Takes the answers.</param>
internal sealed class CacheWait(PageOrder order, long distance, ContentReads reads, IPageReceiver receiver)
{
    private readonly Lock _gate = new();
    private readonly long _begun = Stopwatch.GetTimestamp();
    private Exception? _failure;
    private int _open;

    /// <summary>One more chunk will be passed to <see cref="Take"/> or <see cref="Fail"/>.</summary>
    public void Expect() => _open++;

    /// <summary>True if an order is this one, given again because no answer came.</summary>
    public bool IsRepeatedBy(in PageOrder other, IPageReceiver asker) => ReferenceEquals(receiver, asker) && order.Region == other.Region
        && order.FirstPage == other.FirstPage && order.Pages == other.Pages && order.Urgency == other.Urgency;

    /// <summary>A chunk is there, and pinned.</summary>
    public void Take(CacheChunk chunk)
    {
        lock (_gate)
        {
            if (_failure is null && !order.Cancel.IsCancellationRequested) Copy(order, distance, chunk, reads, _begun, receiver);
            End();
        }
    }

    /// <summary>A chunk cannot be fetched.</summary>
    public void Fail(Exception reason)
    {
        lock (_gate)
        {
            _failure ??= reason;
            End();
        }
    }

    /// <summary>Copies what an order wants of a chunk, and answers it.</summary>
    public static void Copy(
        in PageOrder order, long distance, CacheChunk chunk, ContentReads reads, long begun, IPageReceiver receiver)
    {
        long first = order.FirstPage + distance;
        int from = (int)Math.Max(0, first - chunk.FirstPage);
        int to = (int)Math.Min(chunk.Pages, first + order.Pages - chunk.FirstPage);
        while (from < to)
        {
            (bool isZero, int run) = chunk.RunAt(from, to - from);
            long page = chunk.FirstPage + from - distance;
            if (isZero)
            {
                receiver.Received(order.Id, page, run, SourceContent.Zero, 0);
            }
            else
            {
                Span<byte> room = order.Room(page, run);
                chunk.Buffer!.Read((long)from << PageSize.BaseShift, room);
                reads.Note(room.Length, begun);
                nint place = order.Buffer + (nint)((page - order.FirstPage) << PageSize.BaseShift);
                receiver.Received(order.Id, page, run, SourceContent.Bytes, place);
            }

            from += run;
        }
    }

    private void End()
    {
        if (--_open == 0 && _failure is { } failure) receiver.Failed(order.Id, failure);
    }
}
