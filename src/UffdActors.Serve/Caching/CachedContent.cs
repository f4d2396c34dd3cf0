using UffdActors.Serve.Content;

namespace UffdActors.Serve.Caching;

/// <summary>The content of a snapshot as one session has it, out of the cache.</summary>
/// <param name="cache">The cache.</param>
/// <param name="snapshot">The snapshot.</param>
/// <param name="back">The back end, which knows some pages to be zeros without a read.</param>
internal sealed class CachedContent(ContentCache cache, CachedSnapshot snapshot, IContent back) : IContent
{
    private int _disposed;

    /// <inheritdoc />
    public long Pages => snapshot.Pages;

    /// <inheritdoc />
    public (bool IsZero, int Pages) RunAt(long page, int most) => back.RunAt(page, most);

    /// <inheritdoc />
    public bool TryAnswer(in PageOrder order, long distance, ContentReader reader, IPageReceiver receiver)
    {
        (bool isZero, int run) = back.RunAt(order.FirstPage + distance, order.Pages);
        if (!isZero || run < order.Pages) return snapshot.TryAnswer(order, distance, reader.Reads, receiver);
        receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Zero, 0);
        return true;
    }

    /// <inheritdoc />
    public void Request(in PageOrder order, long distance, ContentReader reader, IPageReceiver receiver)
    {
        if (!TryAnswer(order, distance, reader, receiver)) cache.Request(snapshot, order, distance, reader.Reads, receiver);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) cache.Leave(snapshot);
    }
}
