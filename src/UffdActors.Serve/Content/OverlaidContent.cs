namespace UffdActors.Serve.Content;

/// <summary>The content of a snapshot as one session has it: with pages of its own over it.</summary>
/// <param name="content">The snapshot's.</param>
/// <param name="overlay">The session's.</param>
internal sealed class OverlaidContent(IContent content, Overlay overlay) : IContent
{
    /// <inheritdoc />
    public long Pages => content.Pages;

    /// <inheritdoc />
    public (bool IsZero, int Pages) RunAt(long page, int most)
    {
        (nint? address, int run) = overlay.RunAt(page, most);
        return address is null ? content.RunAt(page, run) : (false, run);
    }

    /// <inheritdoc />
    public bool TryAnswer(in PageOrder order, long distance, ContentReader reader, IPageReceiver receiver)
    {
        (nint? address, int run) = overlay.RunAt(order.FirstPage + distance, order.Pages);
        if (address is null && run == order.Pages) return content.TryAnswer(order, distance, reader, receiver);
        // A larger page that is of both is put together by an order.
        if (order.Pages > 1) return false;
        receiver.Received(order.Id, order.FirstPage, 1, SourceContent.Bytes, address!.Value);
        return true;
    }

    /// <inheritdoc />
    public void Request(in PageOrder order, long distance, ContentReader reader, IPageReceiver receiver)
    {
        (nint? address, int run) = overlay.RunAt(order.FirstPage + distance, order.Pages);
        if (address is not null && order.Pages == 1) _ = TryAnswer(order, distance, reader, receiver);
        else
            content.Request(
                order, distance, reader, run == order.Pages ? receiver : new OverlaidReceiver(overlay, order, distance, receiver));
    }

    /// <inheritdoc />
    public void Dispose()
    {
        content.Dispose();
        overlay.Dispose();
    }
}
