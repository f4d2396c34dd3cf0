namespace UffdActors.Serve.Content;

/// <summary>
/// An order for a huge page: its bytes are copied out of the content by a thread of the pool, while the fault loop fills other pages.
/// </summary>
/// <param name="content">The content.</param>
/// <param name="order">The order.</param>
/// <param name="distance">What is added to a page of the order.</param>
/// <param name="reader">The session.</param>
/// <param name="receiver">Takes the answers.</param>
internal sealed class LargeRead(
    IContent content, PageOrder order, long distance, ContentReader reader, IPageReceiver receiver) : IDiskRead
{
    /// <inheritdoc />
    public void Run()
    {
        try
        {
            // What is not in memory is one more read of the lane.
            content.Request(order, distance, reader, receiver);
        }
        catch (ObjectDisposedException)
        {
            // The session has ended, and nothing waits for the answer.
        }
        catch (Exception e)
        {
            receiver.Failed(order.Id, e);
        }
    }
}
