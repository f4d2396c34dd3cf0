namespace UffdActors.Stress.Injection;

/// <summary>
/// A deliberate bug, to show what failure looks like: answers zeros for some pages, whatever the guest has written there. The mistake of a
/// source that takes what it has lost for what was never there.
/// </summary>
internal sealed class ForgetfulSource(IPageSource source) : IPageSource
{
    private const int Every = 16;
    private const int Forgotten = 1;

    /// <inheritdoc />
    public long Pages => source.Pages;

    /// <inheritdoc />
    public bool AnswersAtOnce => source.AnswersAtOnce;

    /// <inheritdoc />
    public void Request(in PageOrder order, IPageReceiver receiver) => source.Request(order, new Forgetting(receiver));

    /// <inheritdoc />
    public void Dispose() => source.Dispose();

    private sealed class Forgetting(IPageReceiver receiver) : IPageReceiver
    {
        public void Received(long id, long firstPage, int pages, SourceContent content, nint address)
        {
            bool forgets = pages == 1 && firstPage % Every == Forgotten;
            receiver.Received(id, firstPage, pages, forgets ? SourceContent.Zero : content, forgets ? 0 : address);
        }

        public void Failed(long id, Exception reason) => receiver.Failed(id, reason);
    }
}
