namespace UffdActors.Serve.Content;

/// <summary>An order to a back end, which may block although it should not.</summary>
/// <param name="source">The back end.</param>
/// <param name="order">The order, in its own pages.</param>
/// <param name="receiver">Takes the answers.</param>
internal sealed class BackEndRead(IPageSource source, PageOrder order, IPageReceiver receiver) : IDiskRead
{
    /// <inheritdoc />
    public void Run()
    {
        try
        {
            source.Request(order, receiver);
        }
        catch (Exception e)
        {
            receiver.Failed(order.Id, e);
        }
    }
}
