using UffdActors.Model.Memory;

namespace UffdActors.Serve.Content;

/// <summary>Passes the answers to an order on, with the session's own pages instead of the snapshot's.</summary>
/// <param name="overlay">The session's pages.</param>
/// <param name="order">The order.</param>
/// <param name="distance">What is added to a page of it.</param>
/// <param name="receiver">Who has given it.</param>
internal sealed class OverlaidReceiver(Overlay overlay, PageOrder order, long distance, IPageReceiver receiver) : IPageReceiver
{
    /// <inheritdoc />
    public void Received(long id, long firstPage, int pages, SourceContent content, nint address)
    {
        for (int done = 0; done < pages;)
        {
            (nint? own, int run) = overlay.RunAt(firstPage + done + distance, pages - done);
            nint there = content == SourceContent.Bytes ? address + (nint)((long)done << PageSize.BaseShift) : address;
            receiver.Received(order.Id, firstPage + done, run, own is null ? content : SourceContent.Bytes, own ?? there);
            done += run;
        }
    }

    /// <inheritdoc />
    public void Failed(long id, Exception reason) => receiver.Failed(order.Id, reason);
}
