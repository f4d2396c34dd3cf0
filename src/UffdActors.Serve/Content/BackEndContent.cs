namespace UffdActors.Serve.Content;

/// <summary>
/// Content that comes from a page source: pages of region 0. A source that answers at once works while it is asked: it is asked by as many
/// threads as there are CPUs. Another one is asked by one thread at a time, and may take long.
/// </summary>
/// <param name="source">The source; stays the caller's.</param>
internal sealed class BackEndContent(IPageSource source) : IContent
{
    // Its own, for as long as one thread asks, no other one should wait for it that could read for somebody else.
    private readonly ReadLane _lane = new(ReadPool.Shared, source.AnswersAtOnce ? Environment.ProcessorCount : 1);

    /// <inheritdoc />
    public long Pages => source.Pages;

    /// <inheritdoc />
    public (bool IsZero, int Pages) RunAt(long page, int most) => (false, most);

    /// <inheritdoc />
    public bool TryAnswer(in PageOrder order, long distance, ContentReader reader, IPageReceiver receiver) => false;

    /// <inheritdoc />
    public void Request(in PageOrder order, long distance, ContentReader reader, IPageReceiver receiver) => _lane.Add(
        new BackEndRead(source, order with { Region = 0, FirstPage = order.FirstPage + distance }, receiver), order.Urgency);

    /// <inheritdoc />
    public void Dispose()
    {
    }
}
