using System.Diagnostics;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Migration;

/// <summary>A request on the wire whose pages have not all come; reused.</summary>
internal sealed class WireRequest
{
    /// <summary>The number on the wire: the slot of the table, and how often the slot was used.</summary>
    public ulong Id { get; private set; }

    /// <summary>True from the request to its last page.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Lane that it goes over.</summary>
    public int Lane { get; private set; }

    /// <summary>The order that it is a part of.</summary>
    public PageOrder Order { get; private set; }

    /// <summary>Takes the answer.</summary>
    public IPageReceiver Receiver { get; private set; } = null!;

    /// <summary>The first page that has not come.</summary>
    public long Next { get; set; }

    /// <summary>Behind the last page.</summary>
    public long End { get; private set; }

    /// <summary>The pages that are still to come, as a frame.</summary>
    public FrameHeader Frame => new()
    {
        Kind = MessageKind.Request,
        Id = Id,
        Region = Order.Region,
        FirstPage = Next,
        Pages = (int)(End - Next),
    };

    /// <summary>When a demand was asked for, as <see cref="Stopwatch"/> counts; 0 for the background.</summary>
    public long AskedAt { get; set; }

    /// <summary>Begins.</summary>
    /// <param name="place">Place in the table.</param>
    /// <param name="order">Order that it is a part of.</param>
    /// <param name="receiver">Takes the answer.</param>
    /// <param name="firstPage">First page that is asked for.</param>
    /// <param name="end">Behind the last one.</param>
    /// <param name="lane">Lane.</param>
    public void Begin(int place, in PageOrder order, IPageReceiver receiver, long firstPage, long end, int lane)
    {
        Id = (((Id >> 32) + 1) << 32) | (uint)place;
        (Order, Receiver, Next, End, Lane, IsOpen) = (order, receiver, firstPage, end, lane, true);
    }

    /// <summary>Every page has come, or the request has failed.</summary>
    public void Close() => IsOpen = false;
}
