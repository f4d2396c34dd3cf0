namespace UffdActors.PostCopy.Tests;

// The page source of README.md, line by line.
internal sealed class SlowZeros(long pages) : IPageSource
{
    public long Pages => pages;

    public bool AnswersAtOnce => false;

    public void Request(in PageOrder order, IPageReceiver receiver) => _ = AnswerAsync(order, receiver);

    public void Dispose()
    {
    }

    private static async Task AnswerAsync(PageOrder order, IPageReceiver receiver)
    {
        await Task.Delay(1, order.Cancel);
        receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Zero, 0);
    }
}
