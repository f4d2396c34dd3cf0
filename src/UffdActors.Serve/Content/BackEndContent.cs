namespace UffdActors.Serve.Content;

/// <summary>Content that comes from a page source: pages of region 0. It is asked by one thread at a time, and may take long.</summary>
/// <param name="source">The source; stays the caller's.</param>
internal sealed class BackEndContent(IPageSource source) : IContent
{
    private readonly Lock _gate = new();

    /// <inheritdoc />
    public long Pages => source.Pages;

    /// <inheritdoc />
    public (bool IsZero, int Pages) RunAt(long page, int most) => (false, most);

    /// <inheritdoc />
    public bool TryAnswer(in PageOrder order, long distance, ContentReader reader, IPageReceiver receiver) => false;

    /// <inheritdoc />
    public void Request(in PageOrder order, long distance, ContentReader reader, IPageReceiver receiver) => reader.Lane.Add(
        new BackEndRead(this, order with { Region = 0, FirstPage = order.FirstPage + distance }, receiver), order.Urgency);

    /// <summary>Asks the source.</summary>
    public void Ask(in PageOrder order, IPageReceiver receiver)
    {
        lock (_gate) source.Request(order, receiver);
    }

    /// <inheritdoc />
    public void Dispose()
    {
    }
}
