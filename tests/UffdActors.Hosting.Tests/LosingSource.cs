namespace UffdActors.Hosting.Tests;

/// <summary>Zeros, but for one page that is lost.</summary>
internal sealed class LosingSource(long pages, long lost = -1) : IPageSource
{
    public long Pages => pages;

    public bool AnswersAtOnce => true;

    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        if (order.FirstPage <= lost && lost < order.FirstPage + order.Pages) receiver.Failed(order.Id, new PageLostException("gone"));
        else receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Zero, 0);
    }

    public void Dispose()
    {
    }
}
