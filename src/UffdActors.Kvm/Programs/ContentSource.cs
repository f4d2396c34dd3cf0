namespace UffdActors.Kvm.Programs;

/// <summary>Serves a guest's memory from this process: answers at once, and marks pages of zeros.</summary>
internal sealed class ContentSource(GuestContent content) : IPageSource
{
    /// <inheritdoc />
    public long Pages => content.Pages;

    /// <inheritdoc />
    public bool AnswersAtOnce => true;

    /// <inheritdoc />
    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        for (int i = 0; i < order.Pages; i++)
        {
            long page = order.FirstPage + i;
            if (content.IsZero(page))
            {
                receiver.Received(order.Id, page, 1, SourceContent.Zero, 0);
                continue;
            }

            content.Read(page, order.Room(page, 1));
            receiver.Received(order.Id, page, 1, SourceContent.Bytes, order.Buffer + (nint)((long)i << GuestPlan.PageShift));
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
    }
}
