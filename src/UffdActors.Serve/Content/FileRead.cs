namespace UffdActors.Serve.Content;

/// <summary>The part of an order that has to be read from a disk.</summary>
/// <param name="content">Where it is.</param>
/// <param name="order">The order.</param>
/// <param name="done">Pages of it that have been answered.</param>
/// <param name="distance">What is added to a page of the order.</param>
/// <param name="reads">The session's read counters.</param>
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
            // The session has ended, and nothing waits for the answer.
        }
        catch (Exception e)
        {
            receiver.Failed(order.Id, e);
        }
    }
}
