namespace UffdActors.Linux.Tests.Live;

/// <summary>Holds one page back until it is let go.</summary>
internal sealed class GatedSource(PageBytes source, long gated) : IPageSource
{
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private (PageOrder Order, IPageReceiver Receiver)? _held;
    private bool _isOpen;

    /// <summary>Ends when the page has been asked for.</summary>
    public Task Asked => _asked.Task;

    public long Pages => source.Pages;

    public bool AnswersAtOnce => false;

    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        lock (_gate)
        {
            if (!_isOpen && order.FirstPage == gated)
            {
                _held = (order, receiver);
                _ = _asked.TrySetResult();
                return;
            }
        }

        source.Request(order, receiver);
    }

    /// <summary>Answers now, and at once from here on.</summary>
    public void LetGo()
    {
        lock (_gate) _isOpen = true;
        if (_held is var (order, receiver)) source.Request(order, receiver);
    }

    public void Dispose() => source.Dispose();
}
