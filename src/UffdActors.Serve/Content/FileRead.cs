namespace UffdActors.Serve.Content;

/// <summary>What a disk has to bring of an order.</summary>
/// <param name="content">Where it is.</param>
/// <param name="order">The order.</param>
/// <param name="done">Pages of it that have been answered.</param>
/// <param name="distance">What is added to a page of the order.</param>
/// <param name="reads">What the session has cost.</param>
/// <param name="receiver">Takes the answers.</param>
internal sealed class FileRead(
    FileContent content, PageOrder order, int done, long distance, ContentReads reads, IPageReceiver receiver) : IDiskRead
{
    /// <inheritdoc />
    public void Run()
    {
        try
        {
            content.ReadOn(order, done, distance, reads, receiver);
        }
        catch (ObjectDisposedException)
        {
            // With the session nobody waits any more.
        }
        catch (Exception e)
        {
            receiver.Failed(order.Id, e);
        }
    }
}
